namespace OrleansFeatures.Domain.Aggregates;

/// <summary>
/// What may be computed of a window. In the formulas x₁ … xₙ are the field's values that are not null, in the order of (event time, event id), and t₁ … tₙ
/// their event times. Numbers are int64, double, and bool as 0 and 1.
/// <code>
///   kind                       of                    gives        null when       formula
///   count                      anything              int64        never (0)       n
///   distinct_count             anything              int64        never (0)       number of different values
///   sum                        numbers               the type     n = 0           Σ xᵢ; an int64 sum of bools
///   mean                       numbers               double       n = 0           Σ xᵢ / n
///   min, max                   anything              the type     n = 0           texts bytewise over UTF-8
///   var_pop, stddev_pop        numbers               double       n = 0           Σ (xᵢ - mean)² / n, and its root
///   var_samp, stddev_samp      numbers               double       n &lt; 2       Σ (xᵢ - mean)² / (n - 1), and its root
///   skew                       numbers               double       n &lt; 3, all equal
///   kurtosis                   numbers               double       n &lt; 4, all equal
///   first, last                anything              the type     n = 0           x₁, xₙ
///   first_n, last_n            anything              list         n = 0           x₁ x₂ …, and xₙ xₙ₋₁ …
///   percentile, median         numbers               double       n = 0           between the two nearest ranks
///   percentile_disc            all but text          the type     n = 0           the smallest with that share at or below it
///   mode                       anything              the type     n = 0           the most frequent
///   top_k                      anything              map to int64 n = 0           the k most frequent with their counts
///   histogram                  int64, double         list, int64  n = 0           counts between bounds
///   entropy                    anything              double       n = 0           -Σ p log₂ p
///   ewma                       numbers               double       n = 0           Σ wᵢ xᵢ / Σ wᵢ
///   rate                       numbers, or events    double       n = 0           Σ xᵢ, or n, per second
///   delta                      int64, double         the type     n = 0           xₙ - x₁
///   slope                      numbers               double       one time only   least squares, per second
///   drawdown                   int64, double         the type     n = 0           greatest fall from a maximum
///   any, all                   bool                  bool         n = 0           some are true; none is false
///   time_since_last            anything, or events   double       n = 0           seconds
///   max_by, min_by             anything, by anything the type     n = 0           xᵢ of the greatest, the least other field
///   max_n_by, min_n_by         anything, by anything list         n = 0           of the n greatest, least
/// </code>
/// A result that its type cannot hold (an int64 sum beyond 64 bits, a double beyond the largest, also on the way to the result) is INVALID.
/// What compares values takes -0.0 for 0.0 and answers 0.0.
/// </summary>
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

    /// <summary>
    /// The adjusted Fisher-Pearson coefficient G₁ = √(n(n-1)) / (n-2) · m₃ / m₂^1.5 with mₖ = Σ (xᵢ - mean)ᵏ / n (Joanes and Gill, The Statistician 47, 1998), as
    /// pandas' <c>skew</c> and DuckDB's <c>skewness</c>.
    /// </summary>
    Skew,

    /// <summary>
    /// The sample excess kurtosis G₂ = (n-1) / ((n-2)(n-3)) · ((n+1)(m₄ / m₂² - 3) + 6) (Joanes and Gill, as above), as pandas' <c>kurt</c> and DuckDB's
    /// <c>kurtosis</c>. A normal distribution has 0.
    /// </summary>
    Kurtosis,

    /// <summary>The most frequent value; of several, the smallest.</summary>
    Mode,

    /// <summary>A map from the K most frequent values to how often each occurs: most frequent first, equally frequent ones by value, ascending.</summary>
    TopK,

    /// <summary>How many values lie in each of the bins (-∞, b₁], (b₁, b₂], …, (bₙ, +∞): one more bin than bounds.</summary>
    Histogram,

    /// <summary>
    /// The exponentially weighted mean Σ wᵢ xᵢ / Σ wᵢ with wᵢ = 2^(-(T - tᵢ) / half-life): an event one half-life older counts half. T cancels out, so a delay
    /// changes which events count and not how. With the window as its only cut-off, as pandas' <c>ewm(halflife, times).mean()</c>.
    /// </summary>
    Ewma,

    /// <summary>
    /// Events (with a field: its sum) per second of the window, from its start to its end: a sliding window's whole width, however few events it holds. A window without a
    /// start in time (the last N events, a session, a lifetime) starts with the first event that is counted. Null when that leaves no time at all.
    /// </summary>
    Rate,

    /// <summary>The newest value minus the oldest.</summary>
    Delta,

    /// <summary>
    /// The slope of the least-squares line of value against time, Σ (tᵢ - t̄)(xᵢ - x̄) / Σ (tᵢ - t̄)², in the field's unit per second, as SQL's <c>regr_slope</c>. Null
    /// unless two times differ.
    /// </summary>
    Slope,

    /// <summary>Whether some value is true.</summary>
    Any,

    /// <summary>Whether no value is false.</summary>
    All,

    /// <summary>Shannon's entropy of how the values are distributed, -Σ p log₂ p over the different values' shares p, in bits (Bell System Technical Journal 27, 1948).</summary>
    Entropy,

    /// <summary>The greatest fall of a value below an older one: max over i ≤ j of xᵢ - xⱼ. In the field's unit, never negative.</summary>
    Drawdown,

    /// <summary>Seconds from the newest event (with a field: where it is not null) to the instant the read asks for, a delay included.</summary>
    TimeSinceLast,

    /// <summary>
    /// The value in the event whose other field is the greatest, both not null; among equals, in the oldest event. SQL engines call it <c>max_by</c> or <c>arg_max</c>.
    /// </summary>
    MaxBy,

    /// <summary>The same where the other field is the least.</summary>
    MinBy,

    /// <summary>The values in the N events whose other field is the greatest, greatest first, among equals the oldest first.</summary>
    MaxNBy,

    /// <summary>The same where the other field is the least, least first.</summary>
    MinNBy,
}
