using System.Globalization;
using System.Text;

namespace OrleansFeatures.Silo.Operations;

/// <summary>
/// Metrics as Prometheus reads them (text format 0.0.4): for each a line of help, a line of its type, a line for each set of labels.
/// <code>
///   # HELP orleansfeatures_partition_lag_events Durable and not applied yet.
///   # TYPE orleansfeatures_partition_lag_events gauge
///   orleansfeatures_partition_lag_events{partition="7"} 0
/// </code>
/// Names and labels are this program's own; values of labels are escaped.
/// </summary>
internal sealed class MetricsText
{
    private readonly StringBuilder _text = new();

    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    public MetricsText Gauge(string name, string help, double value) => One("gauge", name, help, value);

    public MetricsText Counter(string name, string help, double value) => One("counter", name, help, value);

    /// <summary>One line for each value of one label.</summary>
    public MetricsText Each(string type, string name, string help, string label, IEnumerable<(string Value, double Number)> lines)
    {
        Head(type, name, help);
        foreach ((string value, double number) in lines)
        {
            _text.Append(Prefix).Append(name).Append('{').Append(label).Append("=\"").Append(Escaped(value)).Append("\"} ").Append(Number(number)).Append('\n');
        }

        return this;
    }

    /// <summary>One line for each pair of values of two labels.</summary>
    public MetricsText Each(string type, string name, string help, string first, string second, IEnumerable<(string First, string Second, double Number)> lines)
    {
        Head(type, name, help);
        foreach ((string one, string other, double number) in lines)
        {
            _text.Append(CultureInfo.InvariantCulture, $"{Prefix}{name}{{{first}=\"{Escaped(one)}\",{second}=\"{Escaped(other)}\"}} {Number(number)}\n");
        }

        return this;
    }

    /// <param name="name">Without the common prefix.</param>
    /// <param name="help">One line.</param>
    /// <param name="bounds">Upper bounds, rising.</param>
    /// <param name="counts">How many fell below each bound and above the one before; one more than bounds, for the rest.</param>
    /// <param name="sum">Of all that was observed.</param>
    public MetricsText Histogram(string name, string help, ReadOnlySpan<double> bounds, ReadOnlySpan<long> counts, double sum)
    {
        Head("histogram", name, help);
        long below = 0;
        for (int index = 0; index < counts.Length; index++)
        {
            below += counts[index];
            string bound = index < bounds.Length ? Number(bounds[index]) : "+Inf";
            _text.Append(CultureInfo.InvariantCulture, $"{Prefix}{name}_bucket{{le=\"{bound}\"}} {below}\n");
        }

        _text.Append(CultureInfo.InvariantCulture, $"{Prefix}{name}_sum {Number(sum)}\n{Prefix}{name}_count {below}\n");
        return this;
    }

    public override string ToString() => _text.ToString();

    private const string Prefix = "orleansfeatures_";

    private MetricsText One(string type, string name, string help, double value)
    {
        Head(type, name, help);
        _text.Append(Prefix).Append(name).Append(' ').Append(Number(value)).Append('\n');
        return this;
    }

    private void Head(string type, string name, string help) => _text.Append(CultureInfo.InvariantCulture, $"# HELP {Prefix}{name} {help}\n# TYPE {Prefix}{name} {type}\n");

    private static string Number(double number) => number.ToString("R", CultureInfo.InvariantCulture);

    private static string Escaped(string value) => value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
