namespace OrleansFeatures.Entities.Intake;

/// <summary>
/// Corrections of the same event stand in line: each must see the version before it, so each is resolved when the one in front is durable. A correction enters when its
/// batch is appended and leaves when it is durable, found to change nothing, or given up.
/// <code>
///   event 7:   batch A upsert  ──  batch B delete  ──  batch A upsert        only the first of a line is ever worked on
///   event 9:   batch B upsert  ──  batch A delete
/// </code>
/// <para>Two batches cannot wait for each other. The first of a line is appended as soon as its batch looks: it waits for no other line, nor does a batch finish one line before
/// it looks at the next. So whoever is first gets done, leaves, and makes the next one first. (All that the first may have to wait for is an insert of the same
/// event in a batch that is not durable yet, and inserts wait for nobody.)</para>
/// Any thread.
/// </summary>
internal sealed class CorrectionLines
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(uint Stream, EventIdIndex.IdKey Id), LinkedList<Correction>> _lines = [];

    /// <summary>In one step for all corrections of a batch, so that two batches meet in the same order in every line.</summary>
    public void Enter(IEnumerable<Correction> corrections)
    {
        lock (_gate)
        {
            foreach (Correction correction in corrections)
            {
                (uint, EventIdIndex.IdKey) place = (correction.Stream.Id, correction.Id);
                if (!_lines.TryGetValue(place, out LinkedList<Correction>? line))
                {
                    _lines[place] = line = [];
                    correction.IsFirst = true;
                }

                line.AddLast(correction);
            }
        }
    }

    /// <summary>Wherever it stands. The next one's batch is told.</summary>
    public void Leave(Correction correction)
    {
        Correction? next = null;
        lock (_gate)
        {
            (uint, EventIdIndex.IdKey) place = (correction.Stream.Id, correction.Id);
            if (_lines.TryGetValue(place, out LinkedList<Correction>? line) && line.Remove(correction) && line.Count == 0)
            {
                _lines.Remove(place);
            }
            else if (line?.First is { Value.IsFirst: false } first)
            {
                next = first.Value;
                next.IsFirst = true;
            }
        }

        next?.Batch.Wake();
    }
}
