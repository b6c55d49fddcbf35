using Microsoft.Extensions.Logging;

namespace OrleansFeatures.Silo;

/// <content>Numbers 200 to 299: hosting and operations.</content>
internal static partial class LogMessages
{
    [LoggerMessage(EventId = 200, Level = LogLevel.Information, Message = "Leaving: {Step} done in {Milliseconds:0} ms")]
    public static partial void DrainStepDone(this ILogger logger, string step, double milliseconds);

    [LoggerMessage(EventId = 201, Level = LogLevel.Warning, Message = "Leaving: {Step} was not done after {Milliseconds:0} ms; the next step begins")]
    public static partial void DrainStepFailed(this ILogger logger, string step, double milliseconds, Exception exception);

    [LoggerMessage(EventId = 202, Level = LogLevel.Warning, Message = "Leaving: no time was left to {Step}")]
    public static partial void DrainStepSkipped(this ILogger logger, string step);

    [LoggerMessage(EventId = 203, Level = LogLevel.Information, Message = "Left after {Milliseconds:0} ms; every step done: {Done}")]
    public static partial void Left(this ILogger logger, double milliseconds, bool done);

    [LoggerMessage(EventId = 204, Level = LogLevel.Information, Message = "Ready: {Silo} of cluster {Cluster}, build {Build}")]
    public static partial void Ready(this ILogger logger, string silo, string cluster, string build);

    [LoggerMessage(EventId = 205, Level = LogLevel.Warning, Message = "Not ready: {Reason}")]
    public static partial void NotReady(this ILogger logger, string reason);

    [LoggerMessage(EventId = 206, Level = LogLevel.Information, Message = "Ready again")]
    public static partial void ReadyAgain(this ILogger logger);

    [LoggerMessage(EventId = 207, Level = LogLevel.Error, Message = "Readiness could not be found out")]
    public static partial void ReadinessFailed(this ILogger logger, Exception exception);

    [LoggerMessage(EventId = 208, Level = LogLevel.Warning, Message = "Silo {Silo} did not report about itself")]
    public static partial void ReportMissing(this ILogger logger, string silo, Exception exception);
}
