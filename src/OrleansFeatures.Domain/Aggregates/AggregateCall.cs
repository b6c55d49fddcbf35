using System.Collections.Immutable;
using System.Globalization;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Aggregates;

public enum AggregateKind
{
    /// <summary>Events in the window; with a field, those where it is not null.</summary>
    Count,
    Sum,
    Mean,
    Min,
    Max,
    VarPop,
    VarSamp,
    StddevPop,
    StddevSamp,

    /// <summary>The oldest value.</summary>
    First,

    /// <summary>The newest value.</summary>
    Last,

    /// <summary>The N oldest values, oldest first.</summary>
    FirstN,

    /// <summary>The N newest values, newest first.</summary>
    LastN,
    DistinctCount,

    /// <summary>Continuous percentile: linear interpolation between the two nearest ranks, as SQL's percentile_cont.</summary>
    Percentile,

    /// <summary>Discrete percentile: the smallest value whose cumulative share reaches the fraction, as SQL's percentile_disc.</summary>
    PercentileDisc,
    Median,
}

/// <summary>
/// An aggregate as a definition writes it: <c>count</c>, <c>mean(amount)</c>, <c>percentile(amount, 0.95)</c>, <c>last_n(amount, 5)</c>.
/// Nulls are passed over by every aggregate that names a field.
/// </summary>
/// <param name="Kind">Which.</param>
/// <param name="Field">The field it reads; null only for count.</param>
/// <param name="Argument">The fraction of a percentile (0 to 1), the N of first_n and last_n; else 0.</param>
public sealed record AggregateCall(AggregateKind Kind, string? Field, double Argument)
{
    private static readonly ImmutableDictionary<string, AggregateKind> Kinds = new Dictionary<string, AggregateKind>
    {
        ["count"] = AggregateKind.Count,
        ["sum"] = AggregateKind.Sum,
        ["mean"] = AggregateKind.Mean,
        ["min"] = AggregateKind.Min,
        ["max"] = AggregateKind.Max,
        ["var_pop"] = AggregateKind.VarPop,
        ["var_samp"] = AggregateKind.VarSamp,
        ["stddev_pop"] = AggregateKind.StddevPop,
        ["stddev_samp"] = AggregateKind.StddevSamp,
        ["first"] = AggregateKind.First,
        ["last"] = AggregateKind.Last,
        ["first_n"] = AggregateKind.FirstN,
        ["last_n"] = AggregateKind.LastN,
        ["distinct_count"] = AggregateKind.DistinctCount,
        ["percentile"] = AggregateKind.Percentile,
        ["percentile_disc"] = AggregateKind.PercentileDisc,
        ["median"] = AggregateKind.Median,
    }.ToImmutableDictionary();

    public static IEnumerable<string> Names => Kinds.Keys.Order(StringComparer.Ordinal);

    /// <summary>The aggregate as definitions spell it. For messages: it searches.</summary>
    public string Name => Kinds.First(pair => pair.Value == Kind).Key;

    /// <summary>One value, a list, or a map.</summary>
    public FeatureShape Shape => Kind is AggregateKind.FirstN or AggregateKind.LastN ? FeatureShape.List : FeatureShape.Scalar;

    /// <summary>Whether chunk summaries serve it of count, sum, extremes and moments; otherwise a read gathers the window's values.</summary>
    public bool IsFolded => Kind is AggregateKind.Count or AggregateKind.Sum or AggregateKind.Mean or AggregateKind.Min or AggregateKind.Max || NeedsMoments;

    /// <summary>Whether it needs more of a summary than count, sum, least and greatest.</summary>
    public bool NeedsMoments => Kind is AggregateKind.VarPop or AggregateKind.VarSamp or AggregateKind.StddevPop or AggregateKind.StddevSamp;

    /// <summary>Reads the text; on failure says what is wrong and what would be right.</summary>
    public static AggregateCall? Parse(string text, out string message, out string suggestion)
    {
        (message, suggestion) = ("", "");
        text = text.Trim();
        int open = text.IndexOf('(');
        string name = (open < 0 ? text : text[..open]).Trim();
        if (!Kinds.TryGetValue(name, out AggregateKind kind))
        {
            message = $"there is no aggregate '{name}'";
            suggestion = NameSuggestion.Closest(name, Names) is { } near ? $"did you mean '{near}'?" : $"use one of {string.Join(", ", Names)}";
            return null;
        }

        if (open >= 0 && !text.EndsWith(')'))
        {
            (message, suggestion) = ($"'{text}' has no closing parenthesis", $"write {Usage(kind, name)}");
            return null;
        }

        string[] arguments = open < 0 ? [] : [.. text[(open + 1)..^1].Split(',').Select(argument => argument.Trim())];
        return FromArguments(kind, name, arguments, ref message, ref suggestion);
    }

    /// <summary>The type of the result (of its elements, for a list) over a field of <paramref name="field"/>; null where the pair makes no sense.</summary>
    public FieldType? ResultType(FieldType field) => Kind switch
    {
        AggregateKind.Count or AggregateKind.DistinctCount => FieldType.Int64,
        AggregateKind.Sum => field switch
        {
            FieldType.Int64 or FieldType.Bool => FieldType.Int64,
            FieldType.Double => FieldType.Double,
            _ => null,
        },
        AggregateKind.Mean or AggregateKind.VarPop or AggregateKind.VarSamp or AggregateKind.StddevPop or AggregateKind.StddevSamp
            or AggregateKind.Percentile or AggregateKind.Median => field is FieldType.Int64 or FieldType.Bool or FieldType.Double ? FieldType.Double : null,
        AggregateKind.PercentileDisc => field is FieldType.String ? null : field,
        _ => field,
    };

    private static AggregateCall? FromArguments(AggregateKind kind, string name, string[] arguments, ref string message, ref string suggestion)
    {
        bool takesNumber = kind is AggregateKind.Percentile or AggregateKind.PercentileDisc or AggregateKind.FirstN or AggregateKind.LastN;
        bool fits = kind == AggregateKind.Count ? arguments.Length <= 1 : arguments.Length == (takesNumber ? 2 : 1);
        if (!fits || arguments.Any(argument => argument.Length == 0))
        {
            (message, suggestion) = ($"{name} got {arguments.Length} arguments", $"write {Usage(kind, name)}");
            return null;
        }

        double number = 0;
        if (takesNumber && !(double.TryParse(arguments[1], NumberStyles.Float, CultureInfo.InvariantCulture, out number) && NumberFits(kind, number)))
        {
            message = $"{name} cannot take '{arguments[1]}'";
            suggestion = kind is AggregateKind.FirstN or AggregateKind.LastN ? $"give a whole number from 1 to {Limits.ListLengthMax}" : "give a fraction from 0 to 1";
            return null;
        }

        return new AggregateCall(kind, arguments.Length == 0 ? null : arguments[0], number);
    }

    private static bool NumberFits(AggregateKind kind, double number) =>
        kind is AggregateKind.FirstN or AggregateKind.LastN
            ? number is >= 1 and <= Limits.ListLengthMax && number == Math.Floor(number)
            : number is >= 0 and <= 1;

    private static string Usage(AggregateKind kind, string name) => kind switch
    {
        AggregateKind.Count => "count or count(field)",
        AggregateKind.Percentile or AggregateKind.PercentileDisc => $"{name}(field, 0.95)",
        AggregateKind.FirstN or AggregateKind.LastN => $"{name}(field, 5)",
        _ => $"{name}(field)",
    };
}
