namespace OrleansFeatures.Server.Load;

/// <summary>Bounds of a run.</summary>
internal sealed record OpenLoopOptions
{
    /// <summary>Requests due in this first part are sent like all others and counted nowhere: code is still being compiled, connections are opened. Default: none.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.Zero;

    /// <summary>Requests without an answer at one moment, of all lanes. Beyond it requests wait, unsent, and their wait is counted. Default <see cref="Limits.LoadUnderWayMax"/>.</summary>
    public int UnderWayMax { get; init; } = Limits.LoadUnderWayMax;

    /// <summary>How long after the last request was due the run waits for answers, and for room to send what is late. Default <see cref="Limits.LoadDrain"/>.</summary>
    public TimeSpan Drain { get; init; } = Limits.LoadDrain;
}
