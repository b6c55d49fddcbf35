using OrleansFeatures.Log.Commit;
using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Inspection;

namespace OrleansFeatures.Log.Recovery;

/// <summary>A log found sound: what readers may see, and where the writer goes on. The file is the last segment, open for writing; null when it is sealed.</summary>
internal sealed record RecoveredLog(Manifest Manifest, LogView View, SegmentCursor Cursor, ILogFile? File)
{
    /// <summary>What this opening skipped; null when nothing.</summary>
    public LossReport? Losses { get; init; }
}
