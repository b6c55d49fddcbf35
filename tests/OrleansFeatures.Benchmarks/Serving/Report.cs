using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace OrleansFeatures.Benchmarks.Serving;

/// <summary>What was measured, and how it stands to its bar.</summary>
/// <param name="Section">Which part of the suite.</param>
/// <param name="Name">In words.</param>
/// <param name="Value">In its unit.</param>
/// <param name="Unit">ms, us, 1/s, x (a ratio).</param>
/// <param name="Bar">What it should be; null where nothing was asked.</param>
/// <param name="IsMet">Null without a bar.</param>
internal sealed record Figure(string Section, string Name, double Value, string Unit, string? Bar, bool? IsMet);

/// <summary>The figures of a run, as a table for people and as JSON for programs.</summary>
internal sealed class Report
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly DateTimeOffset _began = DateTimeOffset.UtcNow;
    private readonly List<Figure> _figures = [];
    private string _section = "";

    public void Begin(string section) => _section = section;

    public void Add(string name, double value, string unit) => _figures.Add(new Figure(_section, name, value, unit, null, null));

    public void AtMost(string name, double value, string unit, double bar) => _figures.Add(new Figure(_section, name, value, unit, $"<= {Text(bar)} {unit}", value <= bar));

    public void AtLeast(string name, double value, string unit, double bar) => _figures.Add(new Figure(_section, name, value, unit, $">= {Text(bar)} {unit}", value >= bar));

    /// <summary>The section could not be measured to its end.</summary>
    public void Fail(string why) => _figures.Add(new Figure(_section, $"not measured to the end: {why}", 0, "", "an end", false));

    /// <summary>As Markdown.</summary>
    public void Print()
    {
        Console.WriteLine("| | measured | bar | |");
        Console.WriteLine("|---|--:|--:|---|");
        foreach (Figure figure in _figures)
        {
            Console.WriteLine($"| {figure.Section}: {figure.Name} | {Text(figure.Value)} {figure.Unit} | {figure.Bar} | {(figure.IsMet is { } met ? met ? "MET" : "MISSED" : "")} |");
        }
    }

    public void Save(string file, bool quick)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        File.WriteAllText(file, JsonSerializer.Serialize(new { began = _began, machine = Machine.Text, quick, figures = _figures }, Json));
        Console.WriteLine();
        Console.WriteLine($"written to {file}");
    }

    /// <summary>Three digits that count.</summary>
    private static string Text(double value) => Math.Abs(value) switch
    {
        >= 100 => value.ToString("N0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("N1", CultureInfo.InvariantCulture),
        _ => value.ToString("N2", CultureInfo.InvariantCulture),
    };
}
