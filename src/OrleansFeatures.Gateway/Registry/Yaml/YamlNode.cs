using System.Collections.Immutable;

namespace OrleansFeatures.Gateway.Registry.Yaml;

/// <summary>Where something stands in a file, counted from 1.</summary>
internal readonly record struct Place(int Line, int Column);

/// <summary>A YAML document as a tree that remembers where everything stands. Anchors, aliases and tags are not in it.</summary>
internal abstract record YamlNode(Place Place)
{
    /// <summary>For messages: "a list", "'text'".</summary>
    public abstract string Described { get; }
}

/// <summary>A single value. <paramref name="IsPlain"/>: written without quotes, so that 1 is a number and true a bool.</summary>
internal sealed record YamlScalar(Place Place, string Text, bool IsPlain) : YamlNode(Place)
{
    public override string Described => IsPlain && Text.Length == 0 ? "nothing" : IsPlain ? $"'{Text}'" : $"the text \"{Text}\"";
}

internal sealed record YamlList(Place Place, ImmutableArray<YamlNode> Items) : YamlNode(Place)
{
    public override string Described => "a list";
}

/// <summary>Keys are distinct and in the order of the file.</summary>
internal sealed record YamlMap(Place Place, ImmutableArray<YamlEntry> Entries) : YamlNode(Place)
{
    public override string Described => "a map";

    public YamlEntry? Find(string key) => Entries.FirstOrDefault(entry => entry.Key.Text == key);

    public YamlNode? this[string key] => Find(key)?.Value;
}

internal sealed record YamlEntry(YamlScalar Key, YamlNode Value);
