using Microsoft.Extensions.Logging;

namespace OrleansFeatures.Simulation.Running;

/// <summary>The store says Error where it met a bug of its own, or where the disk failed it. One that nothing explains is a violation.</summary>
internal sealed class ErrorCatcher : ILogger
{
    /// <summary>Numbers of LogMessages: a checkpoint failed, saved state is damaged.</summary>
    private const int CheckpointFailed = 3;
    private const int StateDamaged = 4;

    public string? Error { get; private set; }

    public long CheckpointsFailed { get; private set; }

    /// <summary>Whether it comes of a damage that was made.</summary>
    public Func<Exception, bool> IsOfDamage { get; set; } = static _ => false;

    /// <summary>Whether the disk was made to fail, to be full or to lie.</summary>
    public Func<bool> IsTroubled { get; set; } = static () => false;

    /// <summary>It was to be expected.</summary>
    public void Forget() => Error = null;

    /// <summary>Told of errors that are no violation, and whether they speak of damaged state.</summary>
    public Action<bool, string> Explained { get; set; } = static (_, _) => { };

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(LogLevel logLevel, Microsoft.Extensions.Logging.EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        CheckpointsFailed += eventId.Id == CheckpointFailed ? 1 : 0;
        bool isExplained = (eventId.Id is CheckpointFailed or StateDamaged && IsTroubled()) || (exception is not null && IsOfDamage(exception));
        if (logLevel >= LogLevel.Error && isExplained)
        {
            Explained(eventId.Id == StateDamaged, $"the store logged: {formatter(state, exception)} {exception}");
        }
        else if (logLevel >= LogLevel.Error)
        {
            Error ??= $"{formatter(state, exception)} {exception}";
        }
    }
}
