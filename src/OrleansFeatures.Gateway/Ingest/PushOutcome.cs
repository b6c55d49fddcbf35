using System.Collections.Immutable;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>What became of the events of one push. Definite once the push is committed.</summary>
public sealed class PushOutcome(int count)
{
    private readonly long[] _counts = new long[4];
    private IntakeResult[]? _results;

    public int Count => count;

    public long Accepted => _counts[(int)IntakeResult.Accepted];

    public long Duplicates => _counts[(int)IntakeResult.Duplicate];

    public long Late => _counts[(int)IntakeResult.Late];

    public long Refused => _counts[(int)IntakeResult.Refused];

    /// <summary>By event; empty when every event was accepted.</summary>
    public ReadOnlySpan<IntakeResult> Results => _results;

    public List<PushRefusal> Refusals { get; } = [];

    /// <summary>By partition: the offset through which a read must have come to see these events.</summary>
    public IReadOnlyDictionary<int, long> Positions { get; internal set; } = ImmutableDictionary<int, long>.Empty;

    internal void Add(int index, IntakeResult result)
    {
        _counts[(int)result]++;
        if (result != IntakeResult.Accepted)
        {
            // Accepted is the array's zero, so what came before needs no filling in.
            (_results ??= new IntakeResult[count])[index] = result;
        }
    }
}

/// <summary>One event that was not taken.</summary>
public sealed record PushRefusal(int Index, EventRefusal Refusal, string Json);
