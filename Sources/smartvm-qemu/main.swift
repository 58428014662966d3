internal import FirecrackerQEMU

_ = VMResources()
