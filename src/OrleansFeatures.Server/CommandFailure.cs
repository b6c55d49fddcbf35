namespace OrleansFeatures.Server;

/// <summary>
/// A command cannot go on. The message is what the user reads, in one line: the place, what is wrong there, and what to do about it.
/// Caught in one place (<c>Program</c>), which prints it and exits with <see cref="Code"/>.
/// </summary>
internal sealed class CommandFailure(ExitCode code, string message, Exception? cause = null) : Exception(message, cause)
{
    public ExitCode Code { get; } = code;

    public static CommandFailure Refused(string message, Exception? cause = null) => new(ExitCode.Refused, message, cause);

    public static CommandFailure Usage(string message) => new(ExitCode.Usage, message);

    public static CommandFailure Unreachable(string message, Exception? cause = null) => new(ExitCode.Unreachable, message, cause);
}
