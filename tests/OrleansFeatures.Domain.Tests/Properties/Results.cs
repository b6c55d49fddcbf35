using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Domain.Tests.Properties;

/// <summary>Results of the engine beside those of the oracle, and beside each other.</summary>
internal static class Results
{
    public static bool Same(in FeatureValue value, object? expected, double tolerance = 1e-9) => expected switch
    {
        null => value.Status is FeatureStatus.NullValue or FeatureStatus.NotFound,
        FeatureStatus status => value.Status == status,
        long number => value.Status == FeatureStatus.Present && value.Scalar == Value.Of(number),
        double number => value.Status == FeatureStatus.Present && Close(value.Scalar.Double, number, tolerance),
        Value scalar => value.Status == FeatureStatus.Present && Same(value.Scalar, scalar, tolerance),
        Value[] list => value.Status == FeatureStatus.Present && value.List is { } own && own.Length == list.Length && own.Zip(list).All(pair => Same(pair.First, pair.Second, tolerance)),
        _ => false,
    };

    /// <summary>Two answers of the engine to the same question, in different circumstances: equal but for the last digits of roundings.</summary>
    public static void ShouldAgree(FeaturePlan feature, in FeatureValue left, in FeatureValue right, string context)
    {
        bool agree = left.HasValue == right.HasValue
            && (left.HasValue ? left.Status == right.Status && Same(left.Scalar, right.Scalar) && Lists(left, right) : (left.Status == FeatureStatus.Invalid) == (right.Status == FeatureStatus.Invalid));
        agree.ShouldBeTrue($"{context}: {feature.Aggregate} over {feature.Window.Window} delayed {feature.Window.Delay}: {Show(left)} and {Show(right)}");
    }

    public static string Show(object? value) => value switch
    {
        null => "null",
        Value[] list => $"[{string.Join(", ", list)}]",
        FeatureValue feature => $"{feature.Status} {feature.Scalar} {(feature.List is null ? "" : Show(feature.List))}",
        _ => value.ToString()!,
    };

    private static bool Lists(in FeatureValue left, in FeatureValue right) =>
        left.List?.Length == right.List?.Length && (left.List ?? []).Zip(right.List ?? []).All(pair => Same(pair.First, pair.Second));

    /// <summary>-0.0 is 0.0.</summary>
    private static bool Same(Value left, Value right, double tolerance = 1e-9) =>
        left == right || (left.Type == FieldType.Double && right.Type == FieldType.Double && Close(left.Double, right.Double, tolerance));

    private static bool Close(double left, double right, double tolerance) => Math.Abs(left - right) <= tolerance * Math.Max(1, Math.Abs(right));
}
