using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;
using Spectre.Console;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>status</c>: streams and partitions of a running store.</summary>
internal static class StatusCommand
{
    private static readonly Option<string> Server = CommandOptions.Server();

    public static Command Create() => CommandOptions.Command(
        "status",
        "Show streams, counts and partitions of a running store.",
        ["status", "status --output json"],
        [Server],
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        using var connection = new ServerConnection(parsed.GetValue(Server)!);
        GetStatusResponse status = await connection.CallAsync(options => connection.Admin.GetStatusAsync(new GetStatusRequest(), options), cancellationToken).ConfigureAwait(false);
        if (terminal.Json)
        {
            terminal.Write(Document(status));
        }
        else
        {
            Print(terminal, status);
        }

        return ExitCode.Ok;
    }

    private static void Print(Terminal terminal, GetStatusResponse status)
    {
        Table streams = Terminal.NewTable("stream", "stream time", "accepted", "duplicate", "late", "late kept", "quarantined");
        foreach (StreamStatus stream in status.Streams)
        {
            streams.AddRow(
                Terminal.Cell(stream.Stream), Terminal.Cell(stream.StreamTimeMicros == 0 ? "no event yet" : new EventTime(stream.StreamTimeMicros).ToString()),
                Count(stream.Accepted), Count(stream.Duplicates), Count(stream.Late), Count(stream.LateKept), Count(stream.Quarantined));
        }

        terminal.Write(streams);
        Table partitions = Terminal.NewTable("partition", "durable", "applied", "lag", "entities", "awake", "events", "memory");
        foreach (PartitionStatus partition in status.Partitions)
        {
            partitions.AddRow(
                Count(partition.Partition), Count(partition.DurableOffset), Count(partition.AppliedOffset),
                Count(partition.DurableOffset - Math.Min(partition.DurableOffset, partition.AppliedOffset)), Count(partition.Entities), Count(partition.Awake), Count(partition.Events), Terminal.Cell(ByteSize.Text(partition.MemoryBytes)));
        }

        terminal.Write(partitions);
        PrintMemory(terminal, status.Memory ?? new MemoryStatus());
        CheckpointOutput.Print(terminal, status.Checkpoint ?? new CheckpointStatus());
        PredictionStatus predictions = status.Predictions ?? new PredictionStatus();
        if (predictions.Kept + predictions.LetGo > 0)
        {
            terminal.Write(string.Create(
                CultureInfo.InvariantCulture,
                $"predictions: {predictions.Kept:N0} watched through sequence {predictions.LogThrough:N0}, {predictions.Amendments:N0} amendments; {predictions.Due:N0} wait for the log, {predictions.LetGo:N0} let go, {predictions.Retired:N0} retired"));
        }

        foreach (string loss in status.Losses)
        {
            terminal.Write($"lost with skipped damage: {loss}");
        }

        terminal.Write($"log: {status.LogBytes.ToString("N0", CultureInfo.InvariantCulture)} bytes");
    }

    private static void PrintMemory(Terminal terminal, MemoryStatus memory)
    {
        Table parts = Terminal.NewTable("memory", "rows", "texts", "summaries", "overhead", "free", "compactions");
        ulong held = memory.RowBytes + memory.TextBytes + memory.SummaryBytes + memory.EntityOverheadBytes;
        string budget = memory.BudgetBytes == 0 ? "" : $" of {ByteSize.Text(memory.BudgetBytes)}";
        parts.AddRow(
            Terminal.Cell(ByteSize.Text(held) + budget), Terminal.Cell(ByteSize.Text(memory.RowBytes)), Terminal.Cell(ByteSize.Text(memory.TextBytes)), Terminal.Cell(ByteSize.Text(memory.SummaryBytes)),
            Terminal.Cell(ByteSize.Text(memory.EntityOverheadBytes)), Terminal.Cell(ByteSize.Text(memory.FreeBytes)), Count(memory.Compactions));
        terminal.Write(parts);
        if (memory.BrokenPromises > 0)
        {
            terminal.Write($"{memory.BrokenPromises.ToString("N0", CultureInfo.InvariantCulture)} compactions reached into event time that features declare exact: raise --entity-memory-budget");
        }
    }

    private static JsonObject MemoryObject(MemoryStatus memory) => new()
    {
        ["budget_bytes"] = memory.BudgetBytes,
        ["entity_budget_bytes"] = memory.EntityBudgetBytes,
        ["row_bytes"] = memory.RowBytes,
        ["text_bytes"] = memory.TextBytes,
        ["summary_bytes"] = memory.SummaryBytes,
        ["entity_overhead_bytes"] = memory.EntityOverheadBytes,
        ["free_bytes"] = memory.FreeBytes,
        ["compactions"] = memory.Compactions,
        ["broken_promises"] = memory.BrokenPromises,
        ["heap_bytes"] = memory.HeapBytes,
    };

    private static JsonObject PredictionsObject(PredictionStatus predictions) => new()
    {
        ["kept"] = predictions.Kept,
        ["let_go"] = predictions.LetGo,
        ["retired"] = predictions.Retired,
        ["due"] = predictions.Due,
        ["amendments"] = predictions.Amendments,
        ["log_through"] = predictions.LogThrough,
    };

    private static JsonObject Document(GetStatusResponse status) => new()
    {
        ["log_bytes"] = status.LogBytes,
        ["checkpoint"] = CheckpointOutput.Document(status.Checkpoint ?? new CheckpointStatus()),
        ["predictions"] = PredictionsObject(status.Predictions ?? new PredictionStatus()),
        ["losses"] = new JsonArray(status.Losses.Select(JsonNode? (loss) => loss).ToArray()),
        ["memory"] = MemoryObject(status.Memory ?? new MemoryStatus()),
        ["streams"] = new JsonArray(status.Streams.Select(JsonNode (stream) => new JsonObject
        {
            ["stream"] = stream.Stream,
            ["stream_time"] = stream.StreamTimeMicros == 0 ? null : new EventTime(stream.StreamTimeMicros).ToString(),
            ["accepted"] = stream.Accepted,
            ["duplicates"] = stream.Duplicates,
            ["late"] = stream.Late,
            ["late_kept"] = stream.LateKept,
            ["quarantined"] = stream.Quarantined,
        }).ToArray()),
        ["partitions"] = new JsonArray(status.Partitions.Select(JsonNode (partition) => new JsonObject
        {
            ["partition"] = partition.Partition,
            ["durable_offset"] = partition.DurableOffset,
            ["applied_offset"] = partition.AppliedOffset,
            ["entities"] = partition.Entities,
            ["awake"] = partition.Awake,
            ["events"] = partition.Events,
            ["memory_bytes"] = partition.MemoryBytes,
        }).ToArray()),
    };

    private static Text Count(ulong number) => Terminal.Cell(number.ToString("N0", CultureInfo.InvariantCulture));
}
