using System.Globalization;

namespace OrleansFeatures.Benchmarks;

/// <summary>The <c>--option value</c> pairs of a benchmark. A number may be written with underscores.</summary>
internal sealed class Arguments(string[] args)
{
    public int Number(string option, int otherwise) =>
        Text(option) is { } text ? int.Parse(text.Replace("_", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) : otherwise;

    public bool Has(string flag) => Array.IndexOf(args, "--" + flag) >= 0;

    public string? Text(string option)
    {
        var at = Array.IndexOf(args, "--" + option);
        return at >= 0 && at + 1 < args.Length ? args[at + 1] : null;
    }
}
