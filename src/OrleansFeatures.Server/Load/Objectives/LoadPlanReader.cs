using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace OrleansFeatures.Server.Load.Objectives;

/// <summary>Reads a load plan (slo.yaml). Everything that is not understood is refused with its line: a misspelt bound would otherwise be one that always holds.</summary>
internal sealed class LoadPlanReader
{
    private const string RowsField = "rows";
    private const string EventsField = "events";
    private const string SpikeField = "spike";
    private const string SecondsField = "seconds";

    private readonly string _file;

    private LoadPlanReader(string file) => _file = file;

    /// <exception cref="CommandFailure">The file is not there, or is not a load plan.</exception>
    public static LoadPlan Read(string path)
    {
        if (!File.Exists(path))
        {
            throw CommandFailure.Usage($"{path}: no such file; --slo names a load plan such as loadtest/slo.yaml");
        }

        if (new FileInfo(path).Length > Limits.LoadPlanBytesMax)
        {
            throw CommandFailure.Usage($"{path}: larger than {Limits.LoadPlanBytesMax} bytes; a load plan has some dozen lines");
        }

        return Parse(path, File.ReadAllText(path));
    }

    public static LoadPlan Parse(string file, string text)
    {
        var reader = new LoadPlanReader(file);
        var yaml = new YamlStream();
        try
        {
            yaml.Load(new StringReader(text));
        }
        catch (YamlException exception)
        {
            throw CommandFailure.Usage($"{file}:{exception.Start.Line}: {exception.Message}");
        }

        return yaml.Documents is [{ RootNode: YamlMappingNode root }]
            ? reader.Plan(root)
            : throw CommandFailure.Usage($"{file}: expected one document with objectives and scenarios");
    }

    private LoadPlan Plan(YamlMappingNode root)
    {
        Entry plan = EntryOf(root, "objectives", "bars", "scenarios");
        var scenarios = new Dictionary<string, Scenario>();
        foreach (YamlNode node in ListOf(plan, "scenarios"))
        {
            Scenario scenario = ScenarioOf(EntryOf(node, ["name", SecondsField, RowsField, EventsField, SpikeField, .. Operations.All]));
            if (!scenarios.TryAdd(scenario.Name, scenario))
            {
                throw Refused(node, $"scenario '{scenario.Name}' stands twice; name one of them otherwise");
            }
        }

        return new LoadPlan([.. ListOf(plan, "objectives").Select(ObjectiveOf)], [.. ListOf(plan, "bars").Select(ObjectiveOf)], scenarios);
    }

    private Objective ObjectiveOf(YamlNode node)
    {
        Entry entry = EntryOf(node, "name", "operation", "percentile", "below_ms", "failed_percent_max");
        string operation = entry.Text("operation");
        if (!Operations.All.Contains(operation))
        {
            throw Refused(node, $"there is no operation '{operation}'{Suggestion.For(operation, Operations.All)} (there are: {string.Join(", ", Operations.All)})");
        }

        bool isLatency = entry.Has("percentile") && entry.Has("below_ms");
        if (isLatency == entry.Has("failed_percent_max") || entry.Has("percentile") != entry.Has("below_ms"))
        {
            throw Refused(node, "expected either percentile and below_ms, or failed_percent_max");
        }

        return isLatency
            ? new Objective(entry.Text("name"), operation, entry.Number("percentile", 0.001, 100), entry.Number("below_ms", 0.001, LatencyHistogram.Range.TotalMilliseconds))
            : new Objective(entry.Text("name"), operation, null, entry.Number("failed_percent_max", 0, 100));
    }

    private Scenario ScenarioOf(Entry entry)
    {
        (string, double)[] rates = [.. Operations.All.Where(entry.Has).Select(operation => (operation, entry.Number(operation, 0.001, Limits.LoadRateMax)))];
        if (rates.Length == 0)
        {
            throw Refused(entry.Node, $"a scenario has the rate of at least one operation ({string.Join(", ", Operations.All)})");
        }

        return new Scenario(
            entry.Text("name"),
            TimeSpan.FromSeconds(entry.Number(SecondsField, Limits.LoadSecondsMin, Limits.LoadSecondsMax)),
            rates,
            entry.Has(RowsField) ? (int)entry.Number(RowsField, 1, Gateway.Limits.RowsPerReadMax) : Limits.LoadBatchRows,
            entry.Has(EventsField) ? (int)entry.Number(EventsField, 1, Gateway.Limits.EventsPerPushMax) : Limits.LoadPushEvents,
            entry.Has(SpikeField) ? entry.Number(SpikeField, 1, Limits.LoadSpikeMax) : 1);
    }

    private IEnumerable<YamlNode> ListOf(Entry entry, string name) => entry.Find(name) switch
    {
        null => [],
        YamlSequenceNode list => list,
        { } other => throw Refused(other, $"{name}: expected a list"),
    };

    private Entry EntryOf(YamlNode node, params string[] fields)
    {
        if (node is not YamlMappingNode mapping)
        {
            throw Refused(node, $"expected {{{string.Join(", ", fields.Select(field => field + ": ..."))}}}");
        }

        foreach (YamlNode key in mapping.Children.Keys)
        {
            string name = key is YamlScalarNode { Value: { } text } ? text : "";
            if (!fields.Contains(name))
            {
                throw Refused(key, $"there is no field '{name}'{Suggestion.For(name, fields)} (there are: {string.Join(", ", fields)})");
            }
        }

        return new Entry(this, mapping);
    }

    private CommandFailure Refused(YamlNode node, string message) => CommandFailure.Usage($"{_file}:{node.Start.Line}: {message}");

    private sealed record Entry(LoadPlanReader Reader, YamlMappingNode Node)
    {
        public YamlNode? Find(string field) => Node.Children.TryGetValue(new YamlScalarNode(field), out YamlNode? value) ? value : null;

        public bool Has(string field) => Find(field) is not null;

        public string Text(string field) =>
            Find(field) is YamlScalarNode { Value: { Length: > 0 } text } ? text : throw Reader.Refused(Node, $"{field} is missing");

        public double Number(string field, double from, double to) =>
            double.TryParse(Text(field), NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && number >= from && number <= to
                ? number
                : throw Reader.Refused(Node, string.Create(CultureInfo.InvariantCulture, $"{field}: {Text(field)}: expected a number from {from} to {to}"));
    }
}
