using System.Globalization;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Domain.Tests.RealData;

/// <summary>Values beside an oracle's cells: how many, and which are wrong. Whole numbers, texts and lists are exact, other numbers within 1e-6; an empty cell is null.</summary>
internal sealed class OracleCells(string name)
{
    private readonly List<string> _wrong = [];
    private long _count;

    public void Add(in FeatureValue value, string expected, Func<string> what)
    {
        _count++;
        if (!Same(value, expected))
        {
            _wrong.Add($"{what()} is {Show(value)}, the oracle says {expected}");
        }
    }

    public void Check()
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"{name}: {_count:N0} cells, {_wrong.Count:N0} wrong");
        _wrong.Take(10).ShouldBeEmpty($"{_wrong.Count} of {_count} cells are wrong");
        _count.ShouldBeGreaterThan(10_000);
    }

    private static bool Same(in FeatureValue value, string expected)
    {
        if (expected.Length == 0)
        {
            return value.Status == FeatureStatus.NullValue;
        }

        if (value.List is { } list)
        {
            string[] items = expected.Split('|');
            return list.Length == items.Length && list.Zip(items).All(pair => SameScalar(pair.First, pair.Second, 0));
        }

        return value.Status == FeatureStatus.Present && SameScalar(value.Scalar, expected, 1e-6);
    }

    private static bool SameScalar(Value value, string expected, double tolerance) => value.Type switch
    {
        FieldType.String => value.Text == expected,
        FieldType.Int64 => value.Int64 == decimal.Parse(expected, CultureInfo.InvariantCulture),
        _ => Math.Abs(value.Double - SharedData.Number(expected)) <= tolerance * Math.Max(1, Math.Abs(value.Double)),
    };

    private static string Show(in FeatureValue value) => value.List is { } list ? string.Join("|", list) : $"{value.Status} {value.Scalar}";
}
