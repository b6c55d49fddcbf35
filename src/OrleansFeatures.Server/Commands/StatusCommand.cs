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
        Table partitions = Terminal.NewTable("partition", "durable", "applied", "lag", "entities", "events");
        foreach (PartitionStatus partition in status.Partitions)
        {
            partitions.AddRow(
                Count(partition.Partition), Count(partition.DurableOffset), Count(partition.AppliedOffset),
                Count(partition.DurableOffset - Math.Min(partition.DurableOffset, partition.AppliedOffset)), Count(partition.Entities), Count(partition.Events));
        }

        terminal.Write(partitions);
        terminal.Write($"log: {status.LogBytes.ToString("N0", CultureInfo.InvariantCulture)} bytes");
    }

    private static JsonObject Document(GetStatusResponse status) => new()
    {
        ["log_bytes"] = status.LogBytes,
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
            ["events"] = partition.Events,
        }).ToArray()),
    };

    private static Text Count(ulong number) => Terminal.Cell(number.ToString("N0", CultureInfo.InvariantCulture));
}
