internal import Linux
internal import SupervisorProtocol

extension SupervisorStep {
    /// It was taken.
    func reach() {
        FaultPoint.reach(faultName)
    }
}
