using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Operations;

/// <summary>Compares live values with recomputed ones, and keeps count.</summary>
internal sealed class Comparison
{
    private readonly List<FeatureDifference> _differences = [];
    private readonly List<UnreadableEntity> _unreadable = [];
    private ReconcileCounts _counts;

    public ReconcileCounts Counts => _counts;

    public ReconcileReport Report() => new(_counts, _differences, _unreadable);

    public void CountEntity() => _counts = _counts with { Entities = _counts.Entities + 1 };

    public void AddUnreadable(EntityPlan entity, ReadOnlyMemory<byte> key, string reason)
    {
        _counts = _counts with { Unreadable = _counts.Unreadable + 1 };
        if (_unreadable.Count < Limits.ReconcileListMax)
        {
            _unreadable.Add(new UnreadableEntity(entity, key, reason));
        }
    }

    /// <summary>One entity's features at one instant, from one state.</summary>
    public void Add(EntityPlan entity, ReadOnlyMemory<byte> key, EventTime asOf, long stateVersion, PartitionId partition, long events, ReadOnlySpan<FeatureValue> live, ReadOnlySpan<FeatureValue> recomputed)
    {
        for (int index = 0; index < live.Length; index++)
        {
            _counts = _counts with { Values = _counts.Values + 1 };
            if (live[index].Status == FeatureStatus.Approximate)
            {
                _counts = _counts with { Approximate = _counts.Approximate + 1 };
            }
            else if (live[index].Status == FeatureStatus.OutsideRetention || recomputed[index].Status == FeatureStatus.OutsideRetention)
            {
                _counts = _counts with { OutsideRetention = _counts.OutsideRetention + 1 };
            }
            else if (!live[index].Equals(recomputed[index]))
            {
                AddUnequal(new FeatureDifference(entity, key, entity.Features[index], asOf, live[index], recomputed[index], stateVersion, partition, events));
            }
        }
    }

    private void AddUnequal(FeatureDifference difference)
    {
        if (AgreesButForRounding(difference.Live, difference.Recomputed))
        {
            _counts = _counts with { Rounded = _counts.Rounded + 1 };
            return;
        }

        _counts = _counts with { Differences = _counts.Differences + 1 };
        if (_differences.Count < Limits.ReconcileListMax)
        {
            _differences.Add(difference);
        }
    }

    /// <summary>Whether two values are the same but for the last digits of doubles.</summary>
    public static bool AgreesButForRounding(in FeatureValue live, in FeatureValue recomputed)
    {
        if (live.Status != recomputed.Status)
        {
            return false;
        }

        if (live.List is not { } left || recomputed.List is not { } right)
        {
            return live.List is null == recomputed.List is null && Agree(live.Scalar, recomputed.Scalar);
        }

        return left.Length == right.Length && left.Zip(right).All(pair => Agree(pair.First, pair.Second));
    }

    private static bool Agree(in Value left, in Value right) =>
        left == right
        || (left.Type == FieldType.Double && right.Type == FieldType.Double
            && Math.Abs(left.Double - right.Double) <= Limits.ReconcileRelativeError * Math.Max(1, Math.Max(Math.Abs(left.Double), Math.Abs(right.Double))));
}
