using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using OrleansFeatures.Server.Demo;
using OrleansFeatures.Server.Output;
using OrleansFeatures.Server.Watch;
using OrleansFeatures.V1;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>watch</c>: the features of entities, again whenever they change.</summary>
internal static class WatchCommand
{
    private static readonly TimeSpan Redraw = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan RateWindow = TimeSpan.FromSeconds(2);

    private static readonly Option<string> Server = CommandOptions.Server();
    private static readonly Option<string?> Service = new("--service") { Description = "The feature service to watch: its name, or name@version.", HelpName = "SERVICE" };
    private static readonly Option<string[]> Feature = new("--feature") { Description = "A feature to watch, as view:feature or view:*, instead of a service. May be repeated.", HelpName = "FEATURE", DefaultValueFactory = _ => [] };

    private static readonly Option<string[]> Entity = new("--entity")
    {
        Description = "An entity type and its key; once per entity type, or several times for several rows. Without any, every entity of the features' one type.",
        HelpName = "type=key",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<string?> Filter = new("--filter") { Description = "Show a row only when this is true of it: an expression over features as view.feature.", HelpName = "EXPR" };
    private static readonly Option<ulong?> From = new("--from") { Description = "Go on at a place in the log that watch has told; 0 for all of it. Without it, from now on.", HelpName = "PLACE" };
    private static readonly Option<bool> Snapshot = new("--snapshot") { Description = "First the entities as they are." };
    private static readonly Option<ulong?> Rows = new("--rows") { Description = "End after so many rows.", HelpName = "N" };
    private static readonly Option<string[]> Request = new("--request") { Description = "A field of the request that on-demand features compute with. May be repeated.", HelpName = "field=value", DefaultValueFactory = _ => [] };

    public static Command Create() => CommandOptions.Command(
        "watch",
        "Show the features of entities again whenever they change. With --output json a line for each row.",
        [
            "watch --service fraud --entity customer=596 --entity terminal=3156 --snapshot",
            "watch --feature customer_spend:*",
            "watch --feature customer_spend:nb_tx_1d --filter 'customer_spend.nb_tx_1d > 5' --output json",
            "watch --feature customer_spend:nb_tx_1d --from 0 --rows 1000 --output json",
        ],
        [Server, Service, Feature, Entity, Filter, From, Snapshot, Rows, Request],
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        SubscribeRequest request = RequestOf(parsed);
        using var connection = new ServerConnection(parsed.GetValue(Server)!);
        string[] entities = parsed.GetValue(Entity)!;
        int listed = 0;
        if (entities.Length > 0)
        {
            KeySchema keys = await KeysAsync(connection, request, entities, cancellationToken).ConfigureAwait(false);
            (KeyColumn[] columns, listed) = keys.ColumnsOf(entities);
            request.Keys.AddRange(columns);
        }

        var rows = new WatchedRows();
        var session = new WatchSession(connection, request, parsed.GetValue(Rows) ?? ulong.MaxValue, message => Take(terminal, rows, message), rows.SayTrouble);
        try
        {
            await ShowAsync(terminal, session.RunAsync(cancellationToken), rows, TitleOf(parsed, entities), sideBySide: listed is > 0 and <= WatchScreen.SideBySideMax).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Ctrl-C is how watching ends.
        }

        if (request.HasResumeAfter)
        {
            Terminal.Remark(string.Create(CultureInfo.InvariantCulture, $"{rows.Sent:N0} rows; --from {request.ResumeAfter} goes on here"));
        }

        return ExitCode.Ok;
    }

    private static SubscribeRequest RequestOf(ParseResult parsed)
    {
        string[] features = parsed.GetValue(Feature)!;
        var request = new SubscribeRequest { Filter = parsed.GetValue(Filter) ?? "", Snapshot = parsed.GetValue(Snapshot) };
        request.What = (parsed.GetValue(Service), features.Length) switch
        {
            ({ } service, 0) => new FeatureSelection { FeatureService = service },
            (null, > 0) => new FeatureSelection { Features = new FeatureList { Names = { features } } },
            _ => throw CommandFailure.Usage("watch: give either --service or --feature"),
        };
        if (parsed.GetValue(From) is { } from)
        {
            request.ResumeAfter = from;
        }

        KeySchema.RequireForm(parsed.GetValue(Entity)!);
        foreach (string field in parsed.GetValue(Request)!)
        {
            int equals = field.IndexOf('=', StringComparison.Ordinal);
            request.Context.Add(equals > 0
                ? new ContextColumn { Field = field[..equals], Values = new Column { Strings = { field[(equals + 1)..] } } }
                : throw CommandFailure.Usage($"--request {field}: expected field=value, for example --request amount=12.5"));
        }

        return request;
    }

    private static Task<KeySchema> KeysAsync(ServerConnection connection, SubscribeRequest request, string[] entities, CancellationToken cancellationToken) =>
        request.What.SelectionCase == FeatureSelection.SelectionOneofCase.FeatureService
            ? KeySchema.ResolveAsync(connection, request.What.FeatureService, cancellationToken)
            : KeySchema.OfEntitiesAsync(connection, entities, cancellationToken);

    private static string TitleOf(ParseResult parsed, string[] entities)
    {
        string what = parsed.GetValue(Service) ?? string.Join(", ", parsed.GetValue(Feature)!);
        string whose = entities.Length == 0 ? "every entity" : string.Join(", ", entities);
        return parsed.GetValue(Filter) is { } filter ? $"{what} of {whose}, where {filter}" : $"{what} of {whose}";
    }

    /// <summary>Lines are printed as rows come; a screen looks for itself.</summary>
    private static void Take(Terminal terminal, WatchedRows rows, SubscribeResponse message)
    {
        rows.Take(message);
        if (terminal.Json)
        {
            foreach (string line in WatchLines.Of(rows.Cells, message))
            {
                terminal.Write(line);
            }
        }
        else if (!Draws(terminal))
        {
            WatchSnapshot now = rows.Snapshot(message.AsOfMicros.Count);
            foreach (WatchedRow row in now.Rows.Reverse())
            {
                terminal.Write(WatchScreen.Line(row, now.KeyFields, now.Columns));
            }
        }
    }

    private static bool Draws(Terminal terminal) => !terminal.Json && !Console.IsOutputRedirected && terminal.Result.Profile.Capabilities.Ansi;

    private static async Task ShowAsync(Terminal terminal, Task watching, WatchedRows rows, string title, bool sideBySide)
    {
        if (Draws(terminal))
        {
            var clock = Stopwatch.StartNew();
            var rate = new RollingRate(RateWindow);
            await terminal.Result.Live(Draw(terminal, rows, title, sideBySide, 0)).StartAsync(async live =>
            {
                do
                {
                    live.UpdateTarget(Draw(terminal, rows, title, sideBySide, rate.Update(rows.Sent, clock.Elapsed)));
                }
                while (await Task.WhenAny(watching, Task.Delay(Redraw)).ConfigureAwait(false) != watching);
            }).ConfigureAwait(false);
        }

        await watching.ConfigureAwait(false);
    }

    private static IRenderable Draw(Terminal terminal, WatchedRows rows, string title, bool sideBySide, double rowsPerSecond)
    {
        int room = sideBySide ? WatchScreen.SideBySideMax : WatchScreen.RoomIn(terminal.Result.Profile.Height);
        return WatchScreen.Draw(rows.Snapshot(room), title, sideBySide, rowsPerSecond, terminal.Result.Profile.Width);
    }
}
