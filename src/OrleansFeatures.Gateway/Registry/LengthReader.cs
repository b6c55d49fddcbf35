using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Gateway.Registry.Yaml;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>Durations of one file. The schema has checked their spelling; that they are not too long is checked here.</summary>
internal sealed class LengthReader(string file, List<SourceError> errors)
{
    /// <summary>Null when the map has no such key. A duration that is too long is reported, and zero.</summary>
    public Duration? OrNull(YamlMap map, string key) => map[key] is YamlScalar scalar ? Of(scalar, key) : null;

    public Duration Of(YamlScalar scalar, string key)
    {
        if (!Duration.TryParse(scalar.Text, out Duration duration))
        {
            string longest = new Duration(Domain.Limits.WindowReachMaxMicros).ToString();
            errors.Add(new SourceError(file, scalar.Place.Line, scalar.Place.Column, $"'{scalar.Text}' is too long for '{key}'", $"at most {longest}"));
        }

        return duration;
    }
}
