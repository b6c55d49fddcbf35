using System.Collections.Immutable;
using System.Text;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Fuzzing.Engine;
using OrleansFeatures.Gateway.Registry;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>
/// Definition files. Reading never throws: what is wrong has a place in the file and a way to mend it. What is right, written in the registry's one way and read again, is the same definitions: same hash, and a plan without changes; and the
/// engine can keep entities of it.
/// </summary>
internal sealed class YamlTarget : FuzzTarget
{
    public override string Name => "yaml";

    public override IReadOnlyList<byte[]> Tokens { get; } = Words(
        "\n", "  ", "    ", "- ", ": ", "{", "}", "[", "]", ",", "\"", "'", "|", ">", "#", "&a ", "*a", "!!str ", "---\n", "...\n", "? ", "%YAML 1.2\n", "\t", "~", "null", "true", "0x1F", "1e3", ".inf", "name: ", "version: ", "window: ",
        "aggregate: ", "where: ", "by: ", "delay: ", "default: ", "accuracy: {exact_for: 1h, hop: 1m}", "{tumbling: month, time_zone: America/St_Johns}", "{tumbling: week}", "{session: 1s, max: 2s}", "{last: 3}", "lifetime", "history: 1h",
        "allowed_lateness: 0s", "ttl: 1h", "on_demand:\n", "type: double", "expr: ", "request.amount / v.f", "request: {note: string}", "count", "sum(amount)", "percentile(amount, 0.5)", "top_k(note, 3)", "ewma(amount, 1h)", "histogram(amount, 1, 2)", "max_by(note, amount)", "amount > 1", "has(note)", "entity: ", "stream: ", "features:", "streams:\n",
        "\u0085", "\u2028", "\uFEFF", "\\x41", "\\U0001F600", "3650d", "1ms", "0d");

    public override int InputBytesMax => 16 * 1024;

    /// <summary>Messages of a hundred errors, a schema's findings, a compiled catalog: ten thousand times a small file.</summary>
    public override long AllocationMax(int length) => (64 * Limits.AllocationBase) + (length * 20_000L);

    public override IEnumerable<byte[]> Seeds()
    {
        yield return Encoding.UTF8.GetBytes(Examples.Yaml);
        string folder = Path.Combine(AppContext.BaseDirectory, "Definitions");
        foreach (string file in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
        {
            yield return File.ReadAllBytes(file);
        }

        yield return Encoding.UTF8.GetBytes(Written(Examples.Definitions));
        yield return "apiVersion: orleansfeatures/v1\nstreams:\n  - {name: s, version: 1, event_id: i, event_time: t, fields: {i: int64, t: timestamp}}\n"u8.ToArray();
    }

    public override Verdict Run(byte[] input)
    {
        if (DefinitionSource.Decode("f.yaml", input, out SourceError? notText) is not { } source)
        {
            return Verdict.Refuse(notText!.Message);
        }

        DefinitionReading reading = DefinitionReader.Read([source]);
        if (reading.Catalog is not { } catalog)
        {
            WrongAnswerException.Unless(!reading.Errors.IsEmpty, "there is neither a catalog nor an error");
            int lines = 1 + source.Text.Count(c => c is '\n' or '\r' or '\u0085' or '\u2028' or '\u2029');
            foreach (SourceError error in reading.Errors)
            {
                WrongAnswerException.Unless(error.Message.Length > 0 && error.Suggestion.Length > 0 && error.Line >= 1 && error.Line <= lines + 1 && error.Column >= 1, $"an error without place or help, in {lines} lines: {error}");
            }

            return Verdict.Refuse(reading.Errors[0].Message);
        }

        WrongAnswerException.Unless(reading.Errors.IsEmpty, "there are a catalog and errors");
        Check(reading.Definitions, catalog);
        return Verdict.Accept($"{catalog.Streams.Count()} {catalog.Entities.Count()} {string.Concat(catalog.Entities.SelectMany(entity => entity.Features).Select(feature => (char)('A' + (int)feature.Aggregate.Kind)).Distinct().Order())}");
    }

    private static void Check(DefinitionSet definitions, Catalog catalog)
    {
        string written = Written(definitions);
        DefinitionReading again = DefinitionReader.Read([new DefinitionSource("again.yaml", written)]);
        WrongAnswerException.Unless(again.IsValid, $"what was read cannot be read again: {(again.Errors.IsEmpty ? "" : again.Errors[0])}\n{written}");
        WrongAnswerException.Unless(DefinitionHash.Of(definitions) == DefinitionHash.Of(again.Definitions), $"written and read again, the definitions have another hash:\n{written}");
        ImmutableArray<DefinitionChange> changes = DefinitionPlanner.Compare(definitions, again.Definitions);
        WrongAnswerException.Unless(changes.IsEmpty, $"written and read again, the definitions have changed: {(changes.IsEmpty ? "" : changes[0])}\n{written}");
        WrongAnswerException.Unless(DefinitionPlanner.Compare(Examples.Definitions, definitions).IsEmpty == DefinitionPlanner.Compare(definitions, Examples.Definitions).IsEmpty, "a plan has changes in one direction only");
        foreach (EntityPlan entity in catalog.Entities.Where(entity => !entity.Features.IsEmpty))
        {
            _ = new EntityLayout(entity, new StateMemory());
            var values = new FeatureValue[entity.Features.Length];
            EntityState.ReadUnknown(catalog.AllOf(entity.Name)!.Entities[0].Plan, values);
        }
    }

    private static string Written(DefinitionSet definitions) =>
        "apiVersion: orleansfeatures/v1\n" + Section("streams", definitions.Streams.Select(DefinitionText.Of)) + Section("entities", definitions.Entities.Select(DefinitionText.Of))
        + Section("feature_views", definitions.FeatureViews.Select(DefinitionText.Of)) + Section("on_demand", definitions.OnDemand.Select(DefinitionText.Of))
        + Section("feature_services", definitions.FeatureServices.Select(DefinitionText.Of));

    private static string Section(string name, IEnumerable<string> items) => string.Concat(items) is { Length: > 0 } text ? $"{name}:\n{text}" : "";
}
