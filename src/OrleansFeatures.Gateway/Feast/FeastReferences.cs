using System.Text.RegularExpressions;
using Feast.Serving;
using OrleansFeatures.Domain.Definitions;
using Wire = OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Feast;

/// <summary>
/// Feast's references and our own. They differ in how a version is written: Feast's <c>view@v2:feature</c> is our <c>view@2:feature</c>, and its <c>view@latest:feature</c> our <c>view:feature</c>.
/// In answers Feast names a feature by its bare name, or in full, <c>view__feature</c>, with the version where one was asked for: <c>view@v2__feature</c>.
/// </summary>
internal static partial class FeastReferences
{
    /// <summary>What a Feast request selects, in our terms. A feature service goes before a list, as in Feast.</summary>
    public static Wire.FeatureSelection SelectionOf(GetOnlineFeaturesRequest asked)
    {
        if (asked.KindCase == GetOnlineFeaturesRequest.KindOneofCase.FeatureService && asked.FeatureService.Length > 0)
        {
            return new Wire.FeatureSelection { FeatureService = asked.FeatureService };
        }

        var list = new Wire.FeatureList();
        list.Names.Add((asked.Features?.Val ?? []).Select(Ours));
        return new Wire.FeatureSelection { Features = list };
    }

    public static string Ours(string reference)
    {
        string plain = Latest().Replace(reference, "");
        return Version().Replace(plain, "@$1");
    }

    /// <summary>The names under which the columns of <paramref name="selection"/> stand in the answer, in its order.</summary>
    /// <exception cref="RequestRefusedException">Two features would have the same name.</exception>
    public static string[] NamesOf(Selection selection, GetOnlineFeaturesRequest asked)
    {
        string[] references = [.. selection.Columns.Select(column => column.Name)];
        if (asked.KindCase == GetOnlineFeaturesRequest.KindOneofCase.Features && asked.Features.Val.Count == references.Length)
        {
            // As asked for: a version that was spelt out stands in the name also where it is the newest. (A list with view:* is as long only if that view has one feature.)
            references = [.. references.Zip(asked.Features.Val.Select(Ours), (resolved, wanted) => wanted.EndsWith('*') ? resolved : wanted)];
        }

        string[] names = [.. references.Select(reference => asked.FullFeatureNames ? FullName(reference) : BareName(reference))];
        if (names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            string fix = asked.FullFeatureNames ? "ask for each feature once" : "set full_feature_names, or ask for one of them only";
            throw Refuse.Argument(FeastErrors.NamesField, $"{twice.Count()} features would be called '{twice.Key}' in the answer", fix);
        }

        return names;
    }

    private static string BareName(string reference) => reference[(reference.IndexOf(':', StringComparison.Ordinal) + 1)..];

    private static string FullName(string reference) => OurVersion().Replace(reference, "@v$1").Replace(":", "__", StringComparison.Ordinal);

    [GeneratedRegex("@(latest)?(?=:)", RegexOptions.IgnoreCase)]
    private static partial Regex Latest();

    [GeneratedRegex("@[vV]([0-9]+)(?=:)")]
    private static partial Regex Version();

    [GeneratedRegex("@([0-9]+)(?=:)")]
    private static partial Regex OurVersion();
}
