internal import GuestAgent

Agent.runAsInit()
