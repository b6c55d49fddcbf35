using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Domain.Aggregates;

/// <summary>The aggregates that text has: one string column's values in one window, oldest first. Order is bytewise over UTF-8.</summary>
internal readonly ref struct TextValues(ReadOnlySpan<string?> texts)
{
    private readonly ReadOnlySpan<string?> _texts = texts;

    public FeatureValue Compute(AggregateCall call)
    {
        if (call.Kind is AggregateKind.Count)
        {
            return FeatureValue.Of(Value.Of((long)_texts.Length));
        }

        if (call.Kind is AggregateKind.DistinctCount)
        {
            return FeatureValue.Of(Value.Of(Distinct()));
        }

        return _texts.IsEmpty
            ? FeatureValue.Null
            : call.Kind switch
            {
                AggregateKind.Min => FeatureValue.Of(Extreme(-1)),
                AggregateKind.Max => FeatureValue.Of(Extreme(1)),
                AggregateKind.First => FeatureValue.Of(At(0)),
                AggregateKind.Last => FeatureValue.Of(At(_texts.Length - 1)),
                AggregateKind.FirstN => FeatureValue.Of(List((int)call.Argument, newestFirst: false)),
                AggregateKind.LastN => FeatureValue.Of(List((int)call.Argument, newestFirst: true)),
                _ => throw new InvariantException($"{call.Kind} over text passed the catalog"),
            };
    }

    private Value At(int index) => Value.Of(_texts[index]!);

    private Value Extreme(int sign)
    {
        int best = 0;
        for (int index = 1; index < _texts.Length; index++)
        {
            best = Utf8Order.Compare(_texts[index], _texts[best]) * sign > 0 ? index : best;
        }

        return At(best);
    }

    private Value[] List(int n, bool newestFirst)
    {
        var list = new Value[Math.Min(n, _texts.Length)];
        for (int index = 0; index < list.Length; index++)
        {
            list[index] = At(newestFirst ? _texts.Length - 1 - index : index);
        }

        return list;
    }

    private long Distinct()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (string? text in _texts)
        {
            seen.Add(text!);
        }

        return seen.Count;
    }
}
