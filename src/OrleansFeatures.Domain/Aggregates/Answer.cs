using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Domain.Aggregates;

/// <summary>Computed numbers as feature values.</summary>
internal static class Answer
{
    /// <summary>Events hold finite numbers only, so anything else is a result beyond the largest double: Invalid.</summary>
    public static FeatureValue Of(double? value) =>
        value is not { } number ? FeatureValue.Null : double.IsFinite(number) ? FeatureValue.Of(Value.Of(number)) : FeatureValue.Invalid;

    /// <summary>Invalid beyond 64 bits.</summary>
    public static FeatureValue Of(Int128 value) => value < long.MinValue || value > long.MaxValue ? FeatureValue.Invalid : FeatureValue.Of(Value.Of((long)value));
}
