using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Aggregates;

/// <summary>
/// An aggregate as a definition writes it: <c>count</c>, <c>mean(amount)</c>, <c>percentile(amount, 0.95)</c>, <c>histogram(amount, 10, 100)</c>, <c>max_by(terminal, amount)</c>.
/// Nulls are passed over by every aggregate that names a field. Equal calls are equal records.
/// </summary>
/// <param name="Kind">Which.</param>
/// <param name="Field">The field it reads; null for count, rate and time_since_last of the events themselves.</param>
/// <param name="Argument">The fraction of a percentile (0 to 1), the N of first_n, last_n, top_k, max_n_by and min_n_by, the half-life of ewma in microseconds; else 0.</param>
/// <param name="Bounds">The bounds of a histogram; else null.</param>
/// <param name="OrderBy">The field whose greatest or least values choose the events, for max_by and its kin; else null.</param>
public sealed record AggregateCall(AggregateKind Kind, string? Field, double Argument, HistogramBounds? Bounds = null, string? OrderBy = null)
{
    public static IEnumerable<string> Names => AggregateText.Names;

    /// <summary>The aggregate as definitions spell it. For messages: it searches.</summary>
    public string Name => AggregateText.NameOf(Kind);

    /// <summary>One value, a list, or a map.</summary>
    public FeatureShape Shape => Kind switch
    {
        AggregateKind.FirstN or AggregateKind.LastN or AggregateKind.Histogram or AggregateKind.MaxNBy or AggregateKind.MinNBy => FeatureShape.List,
        AggregateKind.TopK => FeatureShape.Map,
        _ => FeatureShape.Scalar,
    };

    /// <summary>Whether chunk summaries serve it of count, sum, extremes and moments, over number columns; otherwise a read gathers the window's values.</summary>
    public bool IsFolded => Kind is AggregateKind.Count or AggregateKind.Sum or AggregateKind.Mean or AggregateKind.Min or AggregateKind.Max
        or AggregateKind.Any or AggregateKind.All or AggregateKind.Rate || NeedsMoments;

    /// <summary>Whether it needs more of a summary than count, sum, least and greatest.</summary>
    public bool NeedsMoments => Kind is AggregateKind.VarPop or AggregateKind.VarSamp or AggregateKind.StddevPop or AggregateKind.StddevSamp
        or AggregateKind.Skew or AggregateKind.Kurtosis;

    /// <summary>Whether it reads the event times of the values, where it gathers them.</summary>
    public bool NeedsTimes => Kind is AggregateKind.Ewma or AggregateKind.Slope or AggregateKind.Rate or AggregateKind.TimeSinceLast;

    /// <summary>Whether it chooses events by another field than the one it reads.</summary>
    public bool IsRanked => Kind is AggregateKind.MaxBy or AggregateKind.MinBy or AggregateKind.MaxNBy or AggregateKind.MinNBy;

    /// <summary>What a message advises where the field's type is not one that it takes.</summary>
    public string FieldAdvice => Kind is AggregateKind.Any or AggregateKind.All ? "name a bool field" : "name a numeric field";

    /// <summary>Reads the text; on failure says what is wrong and what would be right.</summary>
    public static AggregateCall? Parse(string text, out string message, out string suggestion) => AggregateText.Parse(text, out message, out suggestion);

    /// <summary><see cref="IsFolded"/> over a field of this type: chunks sum up no texts, so of these only a count is folded.</summary>
    public bool IsFoldedOver(FieldType field) => IsFolded && (field != FieldType.String || Kind == AggregateKind.Count);

    /// <summary>
    /// The type of the result over a field of <paramref name="field"/> (of its elements, for a list; of its values, for a map); null where the pair makes no sense. For an aggregate
    /// without a field, over their times.
    /// </summary>
    public FieldType? ResultType(FieldType field) => Kind switch
    {
        AggregateKind.Count or AggregateKind.DistinctCount or AggregateKind.TopK => FieldType.Int64,
        AggregateKind.Entropy or AggregateKind.TimeSinceLast => FieldType.Double,
        AggregateKind.Rate when Field is null => FieldType.Double,
        AggregateKind.Sum when IsNumber(field) => field == FieldType.Double ? FieldType.Double : FieldType.Int64,
        AggregateKind.Any or AggregateKind.All when field == FieldType.Bool => FieldType.Bool,
        AggregateKind.Delta or AggregateKind.Drawdown when field is FieldType.Int64 or FieldType.Double => field,
        AggregateKind.Histogram when field is FieldType.Int64 or FieldType.Double => FieldType.Int64,
        AggregateKind.PercentileDisc when field != FieldType.String => field,
        AggregateKind.Min or AggregateKind.Max or AggregateKind.First or AggregateKind.Last or AggregateKind.FirstN or AggregateKind.LastN or AggregateKind.Mode => field,
        AggregateKind.MaxBy or AggregateKind.MinBy or AggregateKind.MaxNBy or AggregateKind.MinNBy => field,
        AggregateKind.Mean or AggregateKind.Percentile or AggregateKind.Median or AggregateKind.Ewma or AggregateKind.Rate or AggregateKind.Slope when IsNumber(field) => FieldType.Double,
        _ => NeedsMoments && IsNumber(field) ? FieldType.Double : null,
    };

    private static bool IsNumber(FieldType field) => field is FieldType.Int64 or FieldType.Double or FieldType.Bool;
}
