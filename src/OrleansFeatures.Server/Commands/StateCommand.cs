using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Snapshots;
using OrleansFeatures.Server.Output;
using Spectre.Console;

namespace OrleansFeatures.Server.Commands;

/// <summary>
/// <c>state inspect</c> and <c>state verify</c>: the checkpoints of a data directory, and whether every byte of them is as it was written. They own nothing and change nothing, so a server may be
/// running over the same directory. Each directory below <c>state/</c> holds one generation of state, as definitions made it.
/// </summary>
internal static class StateCommand
{
    private static readonly Option<string> Data = StoreFiles.Data();

    public static Command Create() => CommandOptions.Group(
        "state",
        "Look into the checkpoints' files, also beside a running server.",
        CommandOptions.Command(
            "inspect",
            "List checkpoints: how far in the log they reach, when they were written, and their files.",
            ["state inspect --data data", "state inspect --data data --output json"],
            [Data],
            InspectAsync),
        CommandOptions.Command(
            "verify",
            "Read every byte of the checkpoints and name all damage: file, byte, and what is concerned. Exit code 1 when there is any.",
            ["state verify --data data", "state verify --data data --output json"],
            [Data],
            VerifyAsync));

    private static async Task<ExitCode> InspectAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        string[] directories = StoreFiles.StateDirectories(parsed.GetValue(Data)!);
        Task<StateListing[]> work = Task.Run(() => directories.Select(directory => StateListing.Read(directory, new FileLogDevice())).ToArray(), cancellationToken);
        StateListing[] listings = await StoreFiles.ReadAsync(terminal, work, () => new ProgressSample("reading", null)).ConfigureAwait(false);
        if (terminal.Json)
        {
            terminal.Write(new JsonObject { ["generations"] = new JsonArray(listings.Select(JsonNode (listing) => Document(listing)).ToArray()) });
        }
        else
        {
            foreach (StateListing listing in listings)
            {
                Print(terminal, listing);
            }
        }

        return ExitCode.Ok;
    }

    private static async Task<ExitCode> VerifyAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        string[] directories = StoreFiles.StateDirectories(parsed.GetValue(Data)!);
        Task<StateFileReport[]> work = Task.Run(
            () => directories.SelectMany(directory => SnapshotStore.Verify(directory, new FileLogDevice(), cancellationToken).Files).ToArray(), cancellationToken);
        StateFileReport[] files = await StoreFiles.ReadAsync(terminal, work, () => new ProgressSample("reading state files", null)).ConfigureAwait(false);
        if (terminal.Json)
        {
            terminal.Write(Document(files));
        }
        else
        {
            Print(terminal, files);
        }

        return files.All(file => file.IsSound) ? ExitCode.Ok : ExitCode.Refused;
    }

    private static void Print(Terminal terminal, StateListing listing)
    {
        if (listing.Head is not { } head)
        {
            terminal.Write($"{listing.Directory}: no checkpoint");
            return;
        }

        Table table = Terminal.NewTable("file", "size", "records", "garbage", "checkpoint");
        foreach (StateFileInfo file in listing.Files)
        {
            double garbage = file.RecordBytes == 0 ? 0 : file.GarbageBytes / (double)file.RecordBytes;
            table.AddRow(
                Terminal.Cell(Path.GetFileName(file.Path)), Terminal.Cell(ByteSize.Text((ulong)file.Bytes)), Count(file.Records),
                Terminal.Cell(garbage.ToString("P0", CultureInfo.InvariantCulture)), Count(file.Checkpoint));
        }

        terminal.Write($"{listing.Directory}: checkpoint {head.Number} of {new EventTime(head.WrittenMicros)}, everything through sequence {Number(head.Through.Value)} of the log, definitions {head.Fingerprint:x16}");
        terminal.Write(table);
    }

    private static void Print(Terminal terminal, StateFileReport[] files)
    {
        foreach (StateDamage damage in files.SelectMany(file => file.Damage))
        {
            terminal.Write($"DAMAGED  {damage}");
        }

        int damages = files.Sum(file => file.Damage.Length);
        terminal.Write($"{Number(files.Length)} files, {ByteSize.Text((ulong)files.Sum(file => file.Bytes))}, {Number(files.Sum(file => file.Records))} sound records");
        terminal.Write(damages == 0
            ? "sound: every byte is as it was written"
            : $"{Number(damages)} damaged places: the log has all of it; replay builds it anew on a running store, and serve --recover skip sets damaged files aside at start");
    }

    private static JsonObject Document(StateListing listing) => new()
    {
        ["directory"] = listing.Directory,
        ["checkpoint"] = listing.Head?.Number,
        ["written"] = listing.Head is { } head ? new EventTime(head.WrittenMicros).ToString() : null,
        ["through_sequence"] = listing.Head?.Through.Value,
        ["definitions"] = listing.Head?.Fingerprint.ToString("x16", CultureInfo.InvariantCulture),
        ["files"] = new JsonArray(listing.Files.Select(JsonNode (file) => new JsonObject
        {
            ["file"] = file.Path,
            ["bytes"] = file.Bytes,
            ["records"] = file.Records,
            ["garbage_records"] = file.GarbageRecords,
            ["garbage_bytes"] = file.GarbageBytes,
            ["checkpoint"] = file.Checkpoint,
        }).ToArray()),
    };

    private static JsonObject Document(StateFileReport[] files) => new()
    {
        ["sound"] = files.All(file => file.IsSound),
        ["files"] = new JsonArray(files.Select(JsonNode (file) => new JsonObject
        {
            ["file"] = file.File,
            ["bytes"] = file.Bytes,
            ["records"] = file.Records,
            ["damage"] = new JsonArray(file.Damage.Select(JsonNode (damage) => new JsonObject
            {
                ["byte"] = damage.BytePosition < 0 ? null : damage.BytePosition,
                ["reason"] = damage.Reason,
                ["concerned"] = damage.Concerned,
            }).ToArray()),
        }).ToArray()),
    };

    private static Text Count(long number) => Terminal.Cell(Number(number));

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
