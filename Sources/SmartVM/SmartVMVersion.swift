/// The version of SmartVM: the package's, the CLI's and the agent's are one.
public enum SmartVMVersion {
    public static let current = "0.1.0"
}
