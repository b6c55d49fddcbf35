using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Summaries;

namespace OrleansFeatures.Domain.Tests.Saving;

/// <summary>What tests of saving share: bytes of sums, sums of bytes, and whether two of them are one and the same.</summary>
internal static class SavedSums
{
    public static byte[] Save(Summary summary)
    {
        var to = new StateWriter();
        summary.Save(to);
        return to.Written.ToArray();
    }

    public static Summary Load(ReadOnlySpan<byte> bytes, SummaryPlan plan)
    {
        var from = new StateReader(bytes);
        Summary summary = Summary.Load(ref from, plan);
        from.End();
        return summary;
    }

    /// <summary>Null where both would be saved alike, take as much memory, and answer every feature alike.</summary>
    public static string? Difference(Summary saved, Summary loaded, FeaturePlan[] features, WindowSpan span)
    {
        if (saved.Bytes != loaded.Bytes)
        {
            return $"{loaded.Bytes} bytes of memory where {saved.Bytes} were saved";
        }

        foreach (FeaturePlan feature in features)
        {
            (FeatureValue before, FeatureValue after) = (saved.Compute(feature, span), loaded.Compute(feature, span));
            if (!Same(before, after))
            {
                return $"{feature.Name}: {after} where {before} was saved";
            }
        }

        return Save(saved).AsSpan().SequenceEqual(Save(loaded)) ? null : "other bytes when saved again";
    }

    public static bool Same(in FeatureValue left, in FeatureValue right) =>
        left.Status == right.Status && left.Scalar == right.Scalar && (left.List ?? []).AsSpan().SequenceEqual(right.List ?? []) && left.List is null == right.List is null;

    /// <summary>Values as they come and as they seldom come: ties, ends of their types, both zeros, long texts.</summary>
    public static Value Random(Random random, FieldType type, int distinct) => type switch
    {
        FieldType.Int64 => Value.Of(random.Next(40) == 0 ? random.NextInt64(long.MinValue, long.MaxValue) : random.Next(distinct) - (distinct / 3)),
        FieldType.Double => Value.Of(random.Next(40) switch { 0 => -0.0, 1 => Math.ScaleB(random.NextDouble() - 0.5, random.Next(-1_000, 1_000)), _ => Math.Round((random.NextDouble() * distinct) - (distinct / 3.0), 2) }),
        FieldType.Bool => Value.Of(random.Next(3) == 0),
        FieldType.String => Value.Of(random.Next(40) == 0 ? new string('x', random.Next(400)) : (random.Next(3) switch { 0 => "\uFF5E", 1 => "\U0001F600", _ => "m" }) + random.Next(distinct)),
        _ => Value.Of(new EventTime(random.Next(distinct) * 1_000_000L)),
    };
}
