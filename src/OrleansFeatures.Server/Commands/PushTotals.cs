using OrleansFeatures.Server.Files;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Commands;

/// <summary>One row that did not go in: where it stands, why, and what would help.</summary>
internal sealed record RefusedLine(long Line, string Field, string Reason, string Fix);

/// <summary>What became of the rows of a pushed file. Written by the session's tasks under a lock; counts may be read at any time.</summary>
internal sealed class PushTotals
{
    private readonly Lock _lock = new();
    private readonly List<RefusedLine> _first = [];

    public ulong Accepted { get; private set; }

    public ulong Duplicates { get; private set; }

    public ulong Late { get; private set; }

    public ulong Quarantined { get; private set; }

    /// <summary>Rows that could not be sent: ragged, not JSON, longer than a message. They stay in the file only.</summary>
    public ulong Unreadable { get; private set; }

    public ulong Reconnects { get; set; }

    /// <summary>Every row up to this line has its answer.</summary>
    public long AcknowledgedThroughLine { get; set; }

    public ulong Answered => Accepted + Duplicates + Late + Quarantined;

    public bool AnyRefused => Quarantined + Unreadable > 0;

    /// <summary>The refusals of the lowest lines, in order.</summary>
    public RefusedLine[] FirstRefusals()
    {
        lock (_lock)
        {
            return _first.ToArray();
        }
    }

    public void Add(PushBatch batch, PushResponse answer)
    {
        Accepted += answer.Accepted;
        Duplicates += answer.Duplicates;
        Late += answer.Late;
        Quarantined += answer.Quarantined;
        foreach (Refusal refusal in answer.Refusals)
        {
            Keep(new RefusedLine(batch.Lines[refusal.Index], refusal.Field, refusal.Reason, refusal.Fix));
        }
    }

    public void AddUnreadable(long line, string problem)
    {
        Unreadable++;
        Keep(new RefusedLine(line, "", problem, ""));
    }

    private void Keep(RefusedLine refused)
    {
        lock (_lock)
        {
            if (_first.Count == Limits.RefusalsShown && refused.Line > _first[^1].Line)
            {
                return;
            }

            int at = _first.FindIndex(other => other.Line > refused.Line);
            _first.Insert(at < 0 ? _first.Count : at, refused);
            if (_first.Count > Limits.RefusalsShown)
            {
                _first.RemoveAt(Limits.RefusalsShown);
            }
        }
    }
}
