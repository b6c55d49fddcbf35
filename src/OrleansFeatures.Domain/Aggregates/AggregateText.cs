using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Domain.Aggregates;

/// <summary>Reads aggregates as definitions spell them: a name, and in parentheses a field and what the aggregate asks for beside it.</summary>
internal static class AggregateText
{
    private static readonly FrozenDictionary<string, Form> Forms = new Dictionary<string, Form>
    {
        ["count"] = new(AggregateKind.Count, Takes.FieldOrNothing),
        ["sum"] = new(AggregateKind.Sum),
        ["mean"] = new(AggregateKind.Mean),
        ["min"] = new(AggregateKind.Min),
        ["max"] = new(AggregateKind.Max),
        ["var_pop"] = new(AggregateKind.VarPop),
        ["var_samp"] = new(AggregateKind.VarSamp),
        ["stddev_pop"] = new(AggregateKind.StddevPop),
        ["stddev_samp"] = new(AggregateKind.StddevSamp),
        ["skew"] = new(AggregateKind.Skew),
        ["kurtosis"] = new(AggregateKind.Kurtosis),
        ["first"] = new(AggregateKind.First),
        ["last"] = new(AggregateKind.Last),
        ["first_n"] = new(AggregateKind.FirstN, Takes.Length),
        ["last_n"] = new(AggregateKind.LastN, Takes.Length),
        ["distinct_count"] = new(AggregateKind.DistinctCount),
        ["percentile"] = new(AggregateKind.Percentile, Takes.Fraction),
        ["percentile_disc"] = new(AggregateKind.PercentileDisc, Takes.Fraction),
        ["median"] = new(AggregateKind.Median),
        ["mode"] = new(AggregateKind.Mode),
        ["top_k"] = new(AggregateKind.TopK, Takes.Length),
        ["histogram"] = new(AggregateKind.Histogram, Takes.Bounds),
        ["ewma"] = new(AggregateKind.Ewma, Takes.HalfLife),
        ["rate"] = new(AggregateKind.Rate, Takes.FieldOrNothing),
        ["delta"] = new(AggregateKind.Delta),
        ["slope"] = new(AggregateKind.Slope),
        ["any"] = new(AggregateKind.Any),
        ["all"] = new(AggregateKind.All),
        ["entropy"] = new(AggregateKind.Entropy),
        ["drawdown"] = new(AggregateKind.Drawdown),
        ["time_since_last"] = new(AggregateKind.TimeSinceLast, Takes.FieldOrNothing),
        ["max_by"] = new(AggregateKind.MaxBy, Takes.OtherField),
        ["min_by"] = new(AggregateKind.MinBy, Takes.OtherField),
        ["max_n_by"] = new(AggregateKind.MaxNBy, Takes.OtherFieldAndLength),
        ["min_n_by"] = new(AggregateKind.MinNBy, Takes.OtherFieldAndLength),
    }.ToFrozenDictionary();

    /// <summary>What stands in the parentheses.</summary>
    private enum Takes
    {
        Field,
        FieldOrNothing,
        Length,
        Fraction,
        HalfLife,
        Bounds,
        OtherField,
        OtherFieldAndLength,
    }

    public static IEnumerable<string> Names => Forms.Keys.Order(StringComparer.Ordinal);

    public static string NameOf(AggregateKind kind) => Forms.First(pair => pair.Value.Kind == kind).Key;

    public static AggregateCall? Parse(string text, out string message, out string suggestion)
    {
        (message, suggestion) = ("", "");
        text = text.Trim();
        int open = text.IndexOf('(');
        string name = (open < 0 ? text : text[..open]).Trim();
        if (!Forms.TryGetValue(name, out Form form))
        {
            message = $"there is no aggregate '{name}'";
            suggestion = NameSuggestion.Closest(name, Names) is { } near ? $"did you mean '{near}'?" : $"use one of {string.Join(", ", Names)}";
            return null;
        }

        if (open >= 0 && !text.EndsWith(')'))
        {
            (message, suggestion) = ($"'{text}' has no closing parenthesis", $"write {Usage(form, name)}");
            return null;
        }

        string inside = open < 0 ? "" : text[(open + 1)..^1];
        string[] arguments = inside.Trim().Length == 0 ? [] : [.. inside.Split(',').Select(argument => argument.Trim())];
        if (!Fits(form.Takes, arguments.Length) || arguments.Any(argument => argument.Length == 0))
        {
            (message, suggestion) = ($"{name} got {arguments.Length} arguments", $"write {Usage(form, name)}");
            return null;
        }

        if (FromArguments(form, arguments, out string wrong) is not { } call)
        {
            (message, suggestion) = ($"{name} cannot take '{wrong}'", Remedy(form.Takes));
            return null;
        }

        return call;
    }

    private static bool Fits(Takes takes, int count) => takes switch
    {
        Takes.FieldOrNothing => count <= 1,
        Takes.Field => count == 1,
        Takes.Bounds => count >= 2,
        Takes.OtherFieldAndLength => count == 3,
        _ => count == 2,
    };

    private static AggregateCall? FromArguments(Form form, string[] arguments, out string wrong)
    {
        wrong = "";
        string? field = arguments.FirstOrDefault();
        if (form.Takes is Takes.Field or Takes.FieldOrNothing)
        {
            return new AggregateCall(form.Kind, field, 0);
        }

        if (form.Takes == Takes.Bounds)
        {
            return ParseBounds(arguments.AsSpan(1), out wrong) is { } bounds ? new AggregateCall(form.Kind, field, 0, bounds) : null;
        }

        if (form.Takes == Takes.OtherField)
        {
            return new AggregateCall(form.Kind, field, 0, OrderBy: arguments[1]);
        }

        wrong = arguments[^1];
        return ParseNumber(form.Takes, wrong) is { } number ? new AggregateCall(form.Kind, field, number, OrderBy: form.Takes == Takes.OtherFieldAndLength ? arguments[1] : null) : null;
    }

    private static double? ParseNumber(Takes takes, string text)
    {
        if (takes == Takes.HalfLife)
        {
            return Duration.TryParse(text, out Duration halfLife) && halfLife.Micros > 0 ? halfLife.Micros : null;
        }

        bool fits = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            && (takes == Takes.Fraction ? number is >= 0 and <= 1 : number is >= 1 and <= Limits.ListLengthMax && number == Math.Floor(number));
        return fits ? number : null;
    }

    private static HistogramBounds? ParseBounds(ReadOnlySpan<string> texts, out string wrong)
    {
        var bounds = ImmutableArray.CreateBuilder<double>(texts.Length);
        foreach (string text in texts)
        {
            bool isNumber = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double bound) && double.IsFinite(bound);
            if (!isNumber || bounds.Count == Limits.HistogramBoundsMax || (bounds.Count > 0 && bound <= bounds[^1]))
            {
                wrong = text;
                return null;
            }

            bounds.Add(bound);
        }

        wrong = "";
        return new HistogramBounds(bounds.MoveToImmutable());
    }

    private static string Remedy(Takes takes) => takes switch
    {
        Takes.Length or Takes.OtherFieldAndLength => $"give a whole number from 1 to {Limits.ListLengthMax}",
        Takes.Fraction => "give a fraction from 0 to 1",
        Takes.HalfLife => $"give a half-life such as 30m or 1h, at most {new Duration(Limits.WindowReachMaxMicros)}",
        _ => $"give bounds that ascend, as in 10, 100, 1000, at most {Limits.HistogramBoundsMax} of them",
    };

    private static string Usage(Form form, string name) => form.Takes switch
    {
        Takes.FieldOrNothing => $"{name} or {name}(field)",
        Takes.Fraction => $"{name}(field, 0.95)",
        Takes.Length => $"{name}(field, 5)",
        Takes.HalfLife => $"{name}(field, 1h)",
        Takes.OtherField => $"{name}(field, other_field)",
        Takes.OtherFieldAndLength => $"{name}(field, other_field, 5)",
        Takes.Bounds => $"{name}(field, 10, 100, 1000)",
        _ => $"{name}(field)",
    };

    private readonly record struct Form(AggregateKind Kind, Takes Takes = Takes.Field);
}
