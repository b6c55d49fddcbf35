using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Gateway.Registry.Yaml;

namespace OrleansFeatures.Gateway.Registry;

// Three sieves, each coarser than the next: YAML (per file), the schema (per file), then everything together: names defined twice, and
// the catalog. A later sieve runs only on what passed the earlier ones, because its messages about a broken file would mislead.
// Problems that the catalog finds name a path in the merged definitions ("feature_views[3].where"); here that path is led back to the
// file, and the line in it, that the item came from.

/// <summary>Reads definition files. Never throws for their content: whatever is in them becomes definitions or errors.</summary>
public sealed partial class DefinitionReader
{
    private static readonly string[] Kinds = ["streams", "entities", "feature_views", "on_demand", "feature_services"];

    private readonly List<SourceError> _errors = [];
    private readonly List<(DefinitionSource Source, YamlJson Document, YamlMap Root)> _files = [];

    private DefinitionReader()
    {
    }

    /// <summary>Files are taken in the order of their names, whatever order they are given in. No file at all is an empty, valid set.</summary>
    public static DefinitionReading Read(IEnumerable<DefinitionSource> sources)
    {
        ImmutableArray<DefinitionSource> ordered = [.. sources.OrderBy(source => source.Name, StringComparer.Ordinal)];
        var reader = new DefinitionReader();
        (DefinitionSet definitions, Catalog? catalog) = reader.ReadAll(ordered);
        ImmutableArray<SourceError> errors = [.. reader._errors
            .OrderBy(error => error.File, StringComparer.Ordinal)
            .ThenBy(error => error.Line)
            .ThenBy(error => error.Column)
            .Take(Limits.DefinitionErrorsMax)];
        return new DefinitionReading(ordered, definitions, errors.IsEmpty ? catalog : null, errors);
    }

    private (DefinitionSet Definitions, Catalog? Catalog) ReadAll(ImmutableArray<DefinitionSource> sources)
    {
        CheckCounts(sources);
        if (_errors.Count > 0)
        {
            return (DefinitionSet.Empty, null);
        }

        foreach (DefinitionSource source in sources)
        {
            ReadFile(source);
        }

        if (_errors.Count > 0)
        {
            return (DefinitionSet.Empty, null);
        }

        DefinitionSet definitions = Merge();
        CheckDuplicates();
        if (_errors.Count > 0)
        {
            return (definitions, null);
        }

        var catalog = Catalog.Compile(definitions, out ImmutableArray<DefinitionProblem> problems);
        _errors.AddRange(problems.Select(Locate));
        return (definitions, catalog);
    }

    private void CheckCounts(ImmutableArray<DefinitionSource> sources)
    {
        if (sources.Length > Limits.DefinitionFilesMax)
        {
            _errors.Add(new SourceError(sources[Limits.DefinitionFilesMax].Name, 1, 1, $"there are {sources.Length} files, more than {Limits.DefinitionFilesMax}", "merge small files"));
        }

        if (sources.Sum(source => (long)source.Text.Length) > Limits.DefinitionTotalCharsMax)
        {
            _errors.Add(new SourceError(sources[0].Name, 1, 1, $"the files have together more than {Limits.DefinitionTotalCharsMax} characters", "delete what no model uses"));
        }

        foreach (var twice in sources.GroupBy(source => source.Name).Where(group => group.Count() > 1))
        {
            _errors.Add(new SourceError(twice.Key, 1, 1, $"the file '{twice.Key}' is given {twice.Count()} times", "give each file once"));
        }
    }

    private void ReadFile(DefinitionSource source)
    {
        if (YamlTreeReader.Read(source, out SourceError? error) is not { } root)
        {
            _errors.Add(error!);
            return;
        }

        var document = new YamlJson(root);
        List<SourceError> findings = [.. DefinitionSchema.Check(source.Name, document).Take(Limits.DefinitionErrorsMax)];
        _errors.AddRange(findings);
        if (findings.Count == 0)
        {
            _files.Add((source, document, (YamlMap)root));
        }
    }

    private DefinitionSet Merge()
    {
        DefinitionSet merged = DefinitionSet.Empty;
        foreach ((DefinitionSource source, _, YamlMap root) in _files)
        {
            DefinitionSet file = new DefinitionBuilder(source.Name, root, _errors).Build();
            merged = new DefinitionSet(
                merged.Streams.AddRange(file.Streams),
                merged.Entities.AddRange(file.Entities),
                merged.FeatureViews.AddRange(file.FeatureViews),
                merged.FeatureServices.AddRange(file.FeatureServices))
            {
                OnDemand = merged.OnDemand.AddRange(file.OnDemand),
            };
        }

        return merged;
    }

    private void CheckDuplicates()
    {
        foreach (string kind in Kinds)
        {
            var seen = new Dictionary<(string Name, object Version), string>();
            foreach ((DefinitionSource source, _, YamlMap root) in _files)
            {
                foreach (YamlMap item in root[kind] is YamlList list ? list.Items.Cast<YamlMap>() : [])
                {
                    var name = (YamlScalar)item["name"]!;
                    object version = item["version"] is YamlScalar scalar ? YamlJson.Resolve(scalar)! : 1L;
                    if (!seen.TryAdd((name.Text, version), $"{source.Name}:{name.Place.Line}:{name.Place.Column}"))
                    {
                        string label = kind is "entities" or "on_demand" ? name.Text : $"{name.Text}@{version}";
                        _errors.Add(new SourceError(source.Name, name.Place.Line, name.Place.Column, $"'{label}' is defined twice", $"the first is at {seen[(name.Text, version)]}: delete one of the two, or give it another name or version"));
                    }
                }
            }
        }
    }

    /// <summary>From a path in the merged definitions to a place in a file.</summary>
    private SourceError Locate(DefinitionProblem problem)
    {
        Match item = ItemPattern().Match(problem.Path);
        if (item.Success)
        {
            string kind = item.Groups[1].Value;
            int index = int.Parse(item.Groups[2].ValueSpan, CultureInfo.InvariantCulture);
            foreach ((DefinitionSource source, YamlJson document, YamlMap root) in _files)
            {
                int count = root[kind] is YamlList list ? list.Items.Length : 0;
                if (index < count)
                {
                    Place place = document.NodeAt($"{kind}[{index}]{problem.Path[item.Length..]}").Place;
                    return new SourceError(source.Name, place.Line, place.Column, problem.Message, problem.Suggestion);
                }

                index -= count;
            }
        }

        return new SourceError(_files.Count > 0 ? _files[0].Source.Name : "", 1, 1, problem.Message, problem.Suggestion);
    }

    [GeneratedRegex("^([a-z_]+)\\[([0-9]{1,9})\\]")]
    private static partial Regex ItemPattern();
}
