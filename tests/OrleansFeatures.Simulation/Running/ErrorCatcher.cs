using Microsoft.Extensions.Logging;

namespace OrleansFeatures.Simulation.Running;

/// <summary>The store says Error where it met a bug of its own, so one is a violation; what it warns of is counted by nobody.</summary>
internal sealed class ErrorCatcher : ILogger
{
    public string? Error { get; private set; }

    /// <summary>It was to be expected.</summary>
    public void Forget() => Error = null;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(LogLevel logLevel, Microsoft.Extensions.Logging.EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (logLevel >= LogLevel.Error)
        {
            Error ??= $"{formatter(state, exception)} {exception}";
        }
    }
}
