using System.Globalization;
using System.Text.Json.Nodes;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Gateway.Rest;
using OrleansFeatures.V1;
using Spectre.Console;
using Value = OrleansFeatures.V1.Value;

namespace OrleansFeatures.Server.Output;

/// <summary>An explanation for people: the value and where it comes from in a few lines, then the events in a table.</summary>
internal sealed class ExplainOutput(Terminal terminal)
{
    private static readonly Style Counting = new(Color.Green);
    private static readonly Style Excluded = new(Color.Grey);
    private static readonly Style Wrong = new(Color.Red, decoration: Decoration.Bold);

    public void Print(ExplainResponse explained, IReadOnlyList<string> entities)
    {
        for (int index = 0; index < explained.Features.Count; index++)
        {
            if (index > 0)
            {
                terminal.Write("");
            }

            Print(explained, explained.Features[index], entities);
        }
    }

    private void Print(ExplainResponse explained, ExplainedFeature feature, IReadOnlyList<string> entities)
    {
        string known = explained.HasKnownAtMicros ? $", known at {TimeOf(explained.KnownAtMicros)}" : "";
        var facts = new Grid().AddColumn(new GridColumn().NoWrap().PadLeft(2).PadRight(3)).AddColumn(new GridColumn());
        terminal.Write(string.Join("  ", [feature.Column.Name, .. entities, $"as of {TimeOf(explained.AsOfMicros)}{known}"]));
        AddFact(facts, "value", CellText(feature.Value));
        facts.AddRow(Terminal.Cell("its events give"), Terminal.Cell($"{CellText(feature.Recomputed)}: {Verdict(feature)}", feature.Agreement == Agreement.Differs ? Wrong : null));
        AddFact(facts, "defined as", feature.Definition);
        AddFact(facts, "definition", feature.DefinitionHash[..Math.Min(16, feature.DefinitionHash.Length)]);
        if (feature.State is { } state)
        {
            string after = feature.HasWindowAfterMicros ? $"after {TimeOf(feature.WindowAfterMicros)}" : "from the first event";
            AddFact(facts, "window", $"{after} through {TimeOf(feature.WindowThroughMicros)}");
            AddFact(facts, "state", $"{state.Entity}, version {Number(state.StateVersion)}, partition {Number(feature.Partition)}");
            AddFact(facts, "events", $"{Number(feature.Contributing)} count, {Number(feature.Excluded)} do not{Reasons(feature)}");
        }

        terminal.Result.Write(facts);
        if (feature.Events.Count > 0)
        {
            PrintEvents(feature);
        }
    }

    private void PrintEvents(ExplainedFeature feature)
    {
        Table table = Terminal.NewTable("event time", "id", "value", "counts", "arrived", "operation", "offset", "sequence");
        foreach (ExplainedEvent told in feature.Events)
        {
            bool counts = told.Excluded == Exclusion.NotExcluded;
            Style style = counts ? Counting : Excluded;
            string why = counts ? "yes"
                : told.HasSupersededBySequence && told.Excluded == Exclusion.Superseded ? $"no: superseded by {Number(told.SupersededBySequence)}"
                : $"no: {ExplainJson.NameOf(told.Excluded).ToLowerInvariant().Replace('_', ' ')}";
            table.AddRow(
                Terminal.Cell(TimeOf(told.EventTimeMicros), style), Terminal.Cell(TextOf(told.Id), style), Terminal.Cell(TextOf(told.Value), style), Terminal.Cell(why, style),
                Terminal.Cell(TimeOf(told.ArrivalTimeMicros), style), Terminal.Cell(told.Operation == Operation.Upsert ? "upsert" : "insert", style),
                Terminal.Cell(Number(told.Offset), style), Terminal.Cell(Number(told.Sequence), style));
        }

        terminal.Write(table);
        ulong total = feature.Contributing + feature.Excluded;
        if ((ulong)feature.Events.Count < total)
        {
            terminal.Write($"{Number((ulong)feature.Events.Count)} of {Number(total)} events are listed; --events lists more");
        }
    }

    private static void AddFact(Grid facts, string name, string text) => facts.AddRow(Terminal.Cell(name), Terminal.Cell(text));

    private static string Verdict(ExplainedFeature feature) => feature.Agreement switch
    {
        Agreement.Differs => "not the served value; please report it, and heal it with orleans-features replay",
        Agreement.NotComparable => "not comparable, because live state or the log does not reach so far as itself",
        _ => "the served value",
    };

    private static string Reasons(ExplainedFeature feature) => feature.Exclusions.Count == 0
        ? ""
        : $" ({string.Join(", ", feature.Exclusions.Select(count => $"{Number(count.Events)} {ExplainJson.NameOf(count.Reason).ToLowerInvariant().Replace('_', ' ')}"))})";

    private static string CellText(FeatureCell cell)
    {
        string status = WireJson.NameOf(cell.Status);
        string text = cell switch
        {
            { Status: not (FeatureStatus.Present or FeatureStatus.Approximate) } => "",
            { List: { } list } => $"[{string.Join(", ", list.Values.Select(TextOf))}]",
            { Map: { } map } => $"{{{string.Join(", ", map.Keys.Zip(map.Values).Select(pair => $"{TextOf(pair.First)}: {TextOf(pair.Second)}"))}}}",
            _ => TextOf(cell.Scalar),
        };
        return text.Length == 0 ? status : cell.Status == FeatureStatus.Present ? text : $"{text} ({status})";
    }

    private static string TextOf(Value? value) => value?.KindCase switch
    {
        Value.KindOneofCase.Int64 => value.Int64.ToString(CultureInfo.InvariantCulture),
        Value.KindOneofCase.Double => value.Double.ToString("R", CultureInfo.InvariantCulture),
        Value.KindOneofCase.String => value.String,
        Value.KindOneofCase.Bool => value.Bool ? "true" : "false",
        Value.KindOneofCase.TimestampMicros => TimeOf(value.TimestampMicros),
        _ => "",
    };

    private static string Number(ulong number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string TimeOf(long micros) => new EventTime(micros).ToString();
}
