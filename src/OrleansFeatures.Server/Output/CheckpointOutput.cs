using System.Globalization;
using System.Text.Json.Nodes;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.V1;
using Spectre.Console;

namespace OrleansFeatures.Server.Output;

/// <summary>What the store says of its checkpoints, for people and programs.</summary>
internal static class CheckpointOutput
{
    public static void Print(Terminal terminal, CheckpointStatus checkpoint)
    {
        Table table = Terminal.NewTable("checkpoint", "age", "through", "log behind", "entities", "wrote", "took", "state files", "failures");
        table.AddRow(
            Terminal.Cell(checkpoint.Number == 0 ? "none yet" : Number(checkpoint.Number)), Terminal.Cell(checkpoint.Number == 0 ? "" : Age(checkpoint.WrittenMicros)),
            Terminal.Cell(checkpoint.ThroughSequence < 0 ? "" : Number((ulong)checkpoint.ThroughSequence)), Terminal.Cell($"{Number(checkpoint.LogRecordsBehind)} records"),
            Terminal.Cell(Number(checkpoint.Entities)), Terminal.Cell(ByteSize.Text(checkpoint.Bytes)), Terminal.Cell(Seconds(checkpoint.TookMicros)), Terminal.Cell(ByteSize.Text(checkpoint.StateBytes)), Terminal.Cell(Number(checkpoint.Failures)));
        terminal.Write(table);
        if (checkpoint.LastFailure.Length > 0)
        {
            terminal.Write($"the newest try failed: {checkpoint.LastFailure}");
        }
    }

    public static JsonObject Document(CheckpointStatus checkpoint) => new()
    {
        ["number"] = checkpoint.Number,
        ["written"] = checkpoint.Number == 0 ? null : new EventTime(checkpoint.WrittenMicros).ToString(),
        ["through_sequence"] = checkpoint.ThroughSequence,
        ["log_records_behind"] = checkpoint.LogRecordsBehind,
        ["entities"] = checkpoint.Entities,
        ["bytes"] = checkpoint.Bytes,
        ["took_seconds"] = checkpoint.TookMicros / 1e6,
        ["state_bytes"] = checkpoint.StateBytes,
        ["failures"] = checkpoint.Failures,
        ["last_failure"] = checkpoint.LastFailure.Length == 0 ? null : checkpoint.LastFailure,
    };

    private static string Age(long writtenMicros)
    {
        double seconds = Math.Max(0, (EventTime.From(TimeProvider.System.GetUtcNow()).Micros - writtenMicros) / 1e6);
        return seconds < 120 ? string.Create(CultureInfo.InvariantCulture, $"{seconds:0} s") : string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:0} min");
    }

    private static string Seconds(ulong micros) => string.Create(CultureInfo.InvariantCulture, $"{micros / 1e6:0.000} s");

    private static string Number(ulong number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
