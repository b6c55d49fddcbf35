using System.Diagnostics;

namespace OrleansFeatures.Fuzzing.Engine;

/// <summary>How an input failed.</summary>
/// <param name="Key">Equal for crashes that are likely one and the same: what was thrown, and where in this program.</param>
internal sealed record Crash(string Key, Exception Exception, byte[] Input);

/// <summary>Runs one input under watch: what it throws, what it allocates, whether it ends.</summary>
internal sealed class Execution : IDisposable
{
    private readonly FuzzTarget _target;
    private readonly Timer _watchdog;
    private byte[]? _running;
    private long _since;

    public Execution(FuzzTarget target)
    {
        _target = target;
        _watchdog = new Timer(_ => Watch(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    /// <summary>Where reproducers of hanging inputs go: the process does not survive them.</summary>
    public static string Folder => Path.Combine(Path.GetTempPath(), "orleansfeatures-fuzzing");

    public Crash? Run(byte[] input, out Verdict verdict)
    {
        Volatile.Write(ref _since, Stopwatch.GetTimestamp());
        Volatile.Write(ref _running, input);
        long before = GC.GetAllocatedBytesForCurrentThread();
        verdict = default;
        try
        {
            verdict = _target.Run(input);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            return allocated <= _target.AllocationMax(input.Length)
                ? null
                : new Crash("allocation", new WrongAnswerException($"{allocated:N0} bytes were allocated for an input of {input.Length}, at most {_target.AllocationMax(input.Length):N0} may be"), input);
        }
        catch (Exception exception)
        {
            // The top of an execution: what a target did not take for a refusal is what this program looks for.
            return new Crash(KeyOf(exception), exception, input);
        }
        finally
        {
            Volatile.Write(ref _running, null);
        }
    }

    public void Dispose() => _watchdog.Dispose();

    /// <summary>The exception's type and the innermost method of ours, or of what we call, that stands on the stack.</summary>
    private static string KeyOf(Exception exception)
    {
        Exception root = exception is WrongAnswerException { InnerException: { } inner } ? inner : exception;
        string? frame = root.StackTrace?.Split('\n').Select(line => line.Trim()).FirstOrDefault(line => (line.Contains("OrleansFeatures.", StringComparison.Ordinal) || line.Contains("at Grpc.", StringComparison.Ordinal)) && !line.Contains("WrongAnswerException.Unless", StringComparison.Ordinal));
        int end = frame?.IndexOf('(', StringComparison.Ordinal) ?? -1;
        return $"{root.GetType().Name} {(end > 0 ? frame![..end] : frame)}";
    }

    private void Watch()
    {
        if (Volatile.Read(ref _running) is { } input && Stopwatch.GetElapsedTime(Volatile.Read(ref _since)) > Limits.HangAfter)
        {
            string file = Reproducer.Write(Folder, _target.Name, "hang", input);
            Environment.FailFast($"fuzzing {_target.Name}: an input of {input.Length} bytes has not ended after {Limits.HangAfter.TotalSeconds} s; it is in {file}");
        }
    }
}
