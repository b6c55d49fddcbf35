using System.Globalization;
using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Snapshots.Format;

/// <summary>The names of the state's files. Names sort as numbers do.</summary>
internal static class StateFileNames
{
    public const int Version = 1;
    public const string Manifest = "state.manifest";
    public const string ManifestCopy = "state.manifest-copy";
    public const string SetAsideMark = ".damaged-";

    private const string Prefix = "state-";
    private const string Suffix = ".data";

    public static string Of(long number) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{number:D8}{Suffix}");

    public static long? Number(string name) =>
        name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(Suffix, StringComparison.Ordinal)
        && long.TryParse(name.AsSpan()[Prefix.Length..^Suffix.Length], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && number > 0 && Of(number) == name
            ? number
            : null;

    /// <summary>Whether the store writes files of this name: state files, manifests, and manifests not yet renamed.</summary>
    public static bool IsOurs(string name) =>
        Number(name) is not null || name is Manifest or ManifestCopy or (Manifest + LogFiles.NewSuffix) or (ManifestCopy + LogFiles.NewSuffix);
}
