using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using OrleansFeatures.Server.Files;
using OrleansFeatures.Server.Output;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>training</c>: point-in-time features for rows of the past.</summary>
internal static class TrainingCommand
{
    private static readonly Option<string> Server = CommandOptions.Server();
    private static readonly Option<string> Service = CommandOptions.Required("--service", "SERVICE", "The feature service to read: its name, or name@version.");
    private static readonly Option<string> Rows = CommandOptions.Required("--rows", "FILE", "csv or JSON lines, plain or gzip, with the entity keys, as_of (RFC 3339, stream, or now), known_at if events that arrived later are not to be looked at, and request.FIELD for what on-demand features take from the request; - is standard input.");
    private static readonly Option<string> Out = CommandOptions.Required("--out", "FILE", "Where the csv goes; gzip when the name ends in .gz. Appears under this name only when complete.");
    private static readonly Option<string[]> Map = CommandOptions.Map("For example as_of=event_time.");

    public static Command Create() => CommandOptions.Command(
        "training",
        "Add the features, as they were at each row's as_of, to a file of rows. Row order and all other columns are kept; lists are JSON arrays, null is an empty cell.",
        [
            "training --service fraud --rows rows.csv --out training.csv",
            "training --service fraud --rows events.csv.gz --map as_of=event_time --out training.csv.gz",
            "training --service fraud_online --rows events.csv.gz --map as_of=event_time --map request.amount=amount --out training.csv.gz",
            "training --service fraud --rows events.csv.gz --map as_of=event_time --map known_at=event_time --out online.csv.gz",
        ],
        [Server, Service, Rows, Out, Map],
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        string outPath = parsed.GetValue(Out)!;
        ColumnMap map = ColumnMap.Parse(parsed.GetValue(Map)!);
        using var connection = new ServerConnection(parsed.GetValue(Server)!);
        using var rows = await RowsFile.OpenAsync(parsed.GetValue(Rows)!, cancellationToken).ConfigureAwait(false);
        KeySchema keys = await KeySchema.ResolveAsync(connection, parsed.GetValue(Service)!, cancellationToken).ConfigureAwait(false);
        var clock = new TrainingClock(DateTimeOffset.UtcNow, await StreamClock.ReadAsync(connection, keys.Service, cancellationToken).ConfigureAwait(false));
        var session = new TrainingSession(connection, rows.Path, outPath, keys, map, clock);

        var elapsed = Stopwatch.StartNew();
        Task work = session.RunAsync(cancellationToken);
        await ProgressDisplay.FollowAsync(terminal, work, session.Sample).ConfigureAwait(false);
        if (terminal.Json)
        {
            terminal.Write(new JsonObject { ["rows"] = session.Written, ["out"] = outPath, ["seconds"] = Math.Round(elapsed.Elapsed.TotalSeconds, 3) });
        }
        else
        {
            terminal.Write(string.Create(CultureInfo.InvariantCulture, $"{session.Written:N0} rows written to {outPath} in {elapsed.Elapsed.TotalSeconds:F1} s"));
        }

        return ExitCode.Ok;
    }

    /// <summary>The rows are read twice, so standard input is first kept in a temporary file.</summary>
    private sealed class RowsFile(string path, bool isTemporary) : IDisposable
    {
        public string Path { get; } = path;

        public static async Task<RowsFile> OpenAsync(string path, CancellationToken cancellationToken)
        {
            if (path != "-")
            {
                return new RowsFile(path, isTemporary: false);
            }

            var spooled = new RowsFile(System.IO.Path.GetTempFileName(), isTemporary: true);
            await using Stream input = Console.OpenStandardInput();
            await using var file = new FileStream(spooled.Path, FileMode.Create);
            await input.CopyToAsync(file, cancellationToken).ConfigureAwait(false);
            return spooled;
        }

        public void Dispose()
        {
            if (isTemporary)
            {
                File.Delete(Path);
            }
        }
    }
}
