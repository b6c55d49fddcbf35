using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Inspection;
using OrleansFeatures.Server.Output;
using Spectre.Console;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>log inspect</c> and <c>log verify</c>: what a log's files hold, and whether every byte of them is as it was written. They own nothing and change nothing, so a server may be running over the same directory.</summary>
internal static class LogCommand
{
    private static readonly Option<string> Data = StoreFiles.Data();

    public static Command Create() => CommandOptions.Group(
        "log",
        "Look into the event log's files, also beside a running server.",
        CommandOptions.Command(
            "inspect",
            "List the log's segments: records, times, and what is damaged as far as their ends tell. Exit code 1 when something is.",
            ["log inspect --data data", "log inspect --data data --output json"],
            [Data],
            (parsed, terminal, cancellationToken) => RunAsync(parsed, terminal, LogVerification.LastSegment, cancellationToken)),
        CommandOptions.Command(
            "verify",
            "Read every byte of the log and name all damage: file, bytes, records, offsets and times concerned. Exit code 1 when there is any.",
            ["log verify --data data", "log verify --data data --output json"],
            [Data],
            (parsed, terminal, cancellationToken) => RunAsync(parsed, terminal, LogVerification.All, cancellationToken)));

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, LogVerification depth, CancellationToken cancellationToken)
    {
        string directory = StoreFiles.LogDirectory(parsed.GetValue(Data)!);
        var progress = new Newest();
        Task<LogReport> work = Task.Run(() => LogInspection.Run(directory, new FileLogDevice(), depth, progress, cancellationToken), cancellationToken);
        LogReport report = await StoreFiles.ReadAsync(terminal, work, progress.Sample).ConfigureAwait(false);
        if (terminal.Json)
        {
            terminal.Write(Document(report));
        }
        else
        {
            Print(terminal, report, depth);
        }

        return report.IsSound ? ExitCode.Ok : ExitCode.Refused;
    }

    private static void Print(Terminal terminal, LogReport report, LogVerification depth)
    {
        if (depth == LogVerification.LastSegment)
        {
            PrintSegments(terminal, report);
        }

        foreach (LogDamage damage in report.Damage)
        {
            terminal.Write($"DAMAGED  {damage}");
        }

        foreach (LogDamage gap in report.KnownGaps)
        {
            terminal.Write($"SKIPPED  {gap} Accepted {Time(gap.SkippedAtMicros)} by serve --recover skip.");
        }

        foreach (string name in report.OtherFiles)
        {
            terminal.Write($"ignored: {name}: no part of the log, or left by a crash");
        }

        terminal.Write($"{report.Directory}: store {report.StoreId}, {report.PartitionCount} partitions, {Number(report.Segments.Length)} segments, {Number(report.Records)} records, {ByteSize.Text((ulong)report.Bytes)}");
        terminal.Write((report.IsSound, depth) switch
        {
            (false, _) => $"{Number(report.Damage.Length)} damaged places: restore the files named from a copy, or start with serve --recover skip, which gives up what is named above and nothing else",
            (true, LogVerification.All) => "sound: every byte is as it was written",
            _ => "no damage at the ends of the segments; log verify reads every byte",
        });
    }

    private static void PrintSegments(Terminal terminal, LogReport report)
    {
        Table table = Terminal.NewTable("segment", "size", "records", "first", "last", "written from", "to", "is");
        foreach (SegmentReport segment in report.Segments)
        {
            table.AddRow(
                Terminal.Cell(Path.GetFileName(segment.Path)), Terminal.Cell(ByteSize.Text((ulong)segment.Bytes)), Count(segment.Records),
                Sequence(segment.First.Value), Sequence(segment.Next.Value - 1), Terminal.Cell(Time(segment.FirstGroupMicros)), Terminal.Cell(Time(segment.LastGroupMicros)), Terminal.Cell(StateOf(segment)));
        }

        terminal.Write(table);
    }

    private static string StateOf(SegmentReport segment) =>
        segment.Damage.Length > 0 ? $"damaged in {segment.Damage.Length} places"
        : segment.IsSealed ? segment.KnownGaps.Length > 0 ? $"sealed, {segment.KnownGaps.Length} places skipped" : "sealed"
        : segment.UnfinishedBytes > 0 ? $"open, {ByteSize.Text((ulong)segment.UnfinishedBytes)} not acknowledged"
        : "open";

    private static JsonObject Document(LogReport report) => new()
    {
        ["directory"] = report.Directory,
        ["store_id"] = report.StoreId.ToString(),
        ["partitions"] = report.PartitionCount,
        ["format"] = report.FormatVersion,
        ["sound"] = report.IsSound,
        ["records"] = report.Records,
        ["bytes"] = report.Bytes,
        ["segments"] = new JsonArray(report.Segments.Select(JsonNode (segment) => new JsonObject
        {
            ["number"] = segment.Number,
            ["file"] = segment.Path,
            ["bytes"] = segment.Bytes,
            ["records"] = segment.Records,
            ["groups"] = segment.Groups,
            ["first_sequence"] = segment.First.Value,
            ["next_sequence"] = segment.Next.Value,
            ["first_written"] = segment.FirstGroupMicros is { } first ? Time(first) : null,
            ["last_written"] = segment.LastGroupMicros is { } last ? Time(last) : null,
            ["sealed"] = segment.IsSealed,
            ["unfinished_bytes"] = segment.UnfinishedBytes,
        }).ToArray()),
        ["damage"] = new JsonArray(report.Damage.Select(JsonNode (damage) => Document(damage)).ToArray()),
        ["skipped"] = new JsonArray(report.KnownGaps.Select(JsonNode (damage) => Document(damage)).ToArray()),
        ["other_files"] = new JsonArray(report.OtherFiles.Select(JsonNode? (name) => name).ToArray()),
    };

    private static JsonObject Document(LogDamage damage) => new()
    {
        ["file"] = damage.File,
        ["from_byte"] = damage.FromByte,
        ["to_byte"] = damage.ToByte == LogDamage.EndOfFile ? null : damage.ToByte,
        ["reason"] = damage.Reason,
        ["first_sequence"] = damage.First == LogSequence.None ? null : damage.First.Value,
        ["next_sequence"] = damage.First == LogSequence.None ? null : damage.Next.Value,
        ["exact"] = damage.IsExact,
        ["offsets"] = new JsonArray(damage.Offsets.Select(JsonNode (lost) => new JsonObject
        {
            ["partition"] = lost.Partition.Value,
            ["first"] = lost.First.Value,
            ["next"] = lost.Next.Value,
        }).ToArray()),
        ["written_after"] = damage.AfterMicros is { } after ? Time(after) : null,
        ["written_before"] = damage.BeforeMicros is { } before ? Time(before) : null,
        ["skipped_at"] = damage.SkippedAtMicros is { } skipped ? Time(skipped) : null,
    };

    private static string Time(long? micros) => micros is { } known ? new EventTime(known).ToString() : "";

    private static Text Sequence(long sequence) => Terminal.Cell(sequence < 0 ? "" : Number(sequence));

    private static Text Count(long number) => Terminal.Cell(Number(number));

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>The newest report of how far the reading is.</summary>
    private sealed class Newest : IProgress<InspectionProgress>
    {
        private InspectionProgress _newest;
        private readonly Lock _gate = new();

        public void Report(InspectionProgress value)
        {
            lock (_gate)
            {
                _newest = value;
            }
        }

        public ProgressSample Sample()
        {
            lock (_gate)
            {
                return _newest.BytesTotal == 0
                    ? new ProgressSample("reading", null)
                    : new ProgressSample($"{Path.GetFileName(_newest.File)}: {ByteSize.Text((ulong)_newest.BytesRead)} of {ByteSize.Text((ulong)_newest.BytesTotal)}", _newest.BytesRead / (double)_newest.BytesTotal);
            }
        }
    }
}
