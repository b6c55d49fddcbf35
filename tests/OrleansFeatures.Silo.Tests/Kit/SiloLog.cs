using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace OrleansFeatures.Silo.Tests.Kit;

/// <summary>What the silos of a test have logged from warnings up, for the message of a test that fails.</summary>
internal sealed class SiloLog : ILoggerProvider
{
    /// <summary>The newest lines that are kept.</summary>
    private const int LinesMax = 200;

    private readonly ConcurrentQueue<string> _lines = new();

    public string Tail => string.Join('\n', _lines);

    public ILogger CreateLogger(string categoryName) => new Lines(this, categoryName);

    public void Dispose()
    {
    }

    private sealed class Lines(SiloLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
            {
                return;
            }

            log._lines.Enqueue($"{DateTime.UtcNow:HH:mm:ss.fff} {logLevel} {category}: {formatter(state, exception)} {exception?.GetType().Name} {exception?.Message}");
            while (log._lines.Count > LinesMax)
            {
                log._lines.TryDequeue(out _);
            }
        }
    }
}
