using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Grpc.Core;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;
using Spectre.Console;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>reconcile</c>: recomputes entities of a running store from raw history and shows what it serves otherwise.</summary>
internal static class ReconcileCommand
{
    private static readonly Option<string> Server = CommandOptions.Server();
    private static readonly Option<int?> Sample = new("--sample") { Description = $"How many entities, drawn evenly (1 to {Entities.Limits.ReconcileSampleMax}). {Limits.ReconcileSampleDefault} without it.", HelpName = "N" };
    private static readonly Option<bool> All = new("--all") { Description = "Every entity. Reads the log once for every five million records." };
    private static readonly Option<string> Entity = new("--entity") { Description = "Only entities of this type.", HelpName = "TYPE", DefaultValueFactory = _ => "" };
    private static readonly Option<ulong?> Seed = new("--seed") { Description = "Draw the sample that this number gives; a random one without it, which is printed.", HelpName = "S" };

    public static Command Create() => CommandOptions.Command(
        "reconcile",
        "Recompute entities from raw history and show every value that the store serves otherwise. Safe on a running store. Exit code 1 when there is one.",
        ["reconcile", "reconcile --sample 10000 --entity customer --seed 7", "reconcile --all --output json"],
        [Server, Sample, All, Entity, Seed],
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        ReconcileRequest request = RequestOf(parsed);
        using var connection = new ServerConnection(parsed.GetValue(Server)!);
        ReconcileResponse report = await CallAsync(connection, terminal, request, cancellationToken).ConfigureAwait(false);
        if (terminal.Json)
        {
            terminal.Write(Document(request, report));
        }
        else
        {
            Print(terminal, request, report);
        }

        return report.Counts.Differences + report.Counts.Unreadable == 0 ? ExitCode.Ok : ExitCode.Refused;
    }

    private static ReconcileRequest RequestOf(ParseResult parsed)
    {
        bool all = parsed.GetValue(All);
        int? sample = parsed.GetValue(Sample);
        if (all && sample is not null)
        {
            throw CommandFailure.Usage("--all and --sample: give one of them");
        }

        if (sample is < 1 or > Entities.Limits.ReconcileSampleMax)
        {
            throw CommandFailure.Usage($"--sample {sample}: expected 1 to {Entities.Limits.ReconcileSampleMax}, or --all");
        }

        return new ReconcileRequest
        {
            Entity = parsed.GetValue(Entity)!,
            Sample = all ? 0 : (uint)(sample ?? Limits.ReconcileSampleDefault),
            Seed = parsed.GetValue(Seed) ?? (ulong)Random.Shared.NextInt64(),
        };
    }

    private static async Task<ReconcileResponse> CallAsync(ServerConnection connection, Terminal terminal, ReconcileRequest request, CancellationToken cancellationToken)
    {
        using var call = connection.Admin.Reconcile(request, cancellationToken: cancellationToken);
        var follower = new StreamFollower<ReconcileResponse>(connection, call.ResponseStream);
        await ProgressDisplay.FollowAsync(terminal, follower.RunAsync(cancellationToken), () => SampleOf(follower.Newest)).ConfigureAwait(false);
        return follower.Newest is { Complete: true } report
            ? report
            : throw CommandFailure.Unreachable($"{connection.Server}: the answer ended before the last message; run it again");
    }

    private static ProgressSample SampleOf(ReconcileResponse? newest) => newest is { LogRecordsTotal: > 0 }
        ? new ProgressSample(
            string.Create(CultureInfo.InvariantCulture, $"{newest.Counts.Entities:N0} entities, {newest.Counts.Differences:N0} differences"), newest.LogRecordsRead / (double)newest.LogRecordsTotal)
        : new ProgressSample("waiting for the store", null);

    private static void Print(Terminal terminal, ReconcileRequest request, ReconcileResponse report)
    {
        ReconcileCounts counts = report.Counts;
        if (report.Differences.Count > 0)
        {
            Table table = Terminal.NewTable("entity", "feature", "as of", "live", "recomputed", "state", "partition", "events");
            foreach (FeatureDifference difference in report.Differences)
            {
                table.AddRow(
                    Terminal.Cell($"{difference.Entity}={string.Join(',', difference.Key)}"), Terminal.Cell(difference.Feature), Terminal.Cell(new EventTime(difference.AsOfMicros).ToString()),
                    Value(difference.LiveJson, difference.LiveStatus), Value(difference.RecomputedJson, difference.RecomputedStatus),
                    Count(difference.StateVersion), Count(difference.Partition), Count(difference.Events));
            }

            terminal.Write(table);
        }

        if (report.Unreadable.Count > 0)
        {
            Table table = Terminal.NewTable("entity", "does not answer");
            foreach (UnreadableEntity unreadable in report.Unreadable)
            {
                table.AddRow(Terminal.Cell($"{unreadable.Entity}={string.Join(',', unreadable.Key)}"), Terminal.Cell(unreadable.Reason));
            }

            terminal.Write(table);
        }

        string which = request.Sample == 0 ? "all" : $"a sample, seed {request.Seed}";
        terminal.Write($"{Number(counts.Entities)} entities ({which}), {Number(counts.Values)} values compared: {Number(counts.Differences)} differences, {Number(counts.Unreadable)} entities do not answer");
        terminal.Write($"not comparable: {Number(counts.Approximate)} approximate, {Number(counts.OutsideRetention)} outside retention; {Number(counts.Rounded)} agree but for rounding");
        if ((ulong)report.Differences.Count < counts.Differences)
        {
            terminal.Write($"the first {report.Differences.Count} differences are shown");
        }
    }

    private static JsonObject Document(ReconcileRequest request, ReconcileResponse report) => new()
    {
        ["sample"] = request.Sample == 0 ? null : request.Sample,
        ["seed"] = request.Seed,
        ["entities"] = report.Counts.Entities,
        ["values"] = report.Counts.Values,
        ["rounded"] = report.Counts.Rounded,
        ["approximate"] = report.Counts.Approximate,
        ["outside_retention"] = report.Counts.OutsideRetention,
        ["difference_count"] = report.Counts.Differences,
        ["unreadable_count"] = report.Counts.Unreadable,
        ["differences"] = new JsonArray(report.Differences.Select(JsonNode (difference) => new JsonObject
        {
            ["entity"] = difference.Entity,
            ["key"] = new JsonArray(difference.Key.Select(JsonNode? (field) => field).ToArray()),
            ["feature"] = difference.Feature,
            ["as_of"] = new EventTime(difference.AsOfMicros).ToString(),
            ["live"] = JsonNode.Parse(difference.LiveJson),
            ["live_status"] = difference.LiveStatus.ToString(),
            ["recomputed"] = JsonNode.Parse(difference.RecomputedJson),
            ["recomputed_status"] = difference.RecomputedStatus.ToString(),
            ["state_version"] = difference.StateVersion,
            ["partition"] = difference.Partition,
            ["events"] = difference.Events,
        }).ToArray()),
        ["unreadable"] = new JsonArray(report.Unreadable.Select(JsonNode (unreadable) => new JsonObject
        {
            ["entity"] = unreadable.Entity,
            ["key"] = new JsonArray(unreadable.Key.Select(JsonNode? (field) => field).ToArray()),
            ["reason"] = unreadable.Reason,
        }).ToArray()),
    };

    private static Text Value(string json, FeatureStatus status) => Terminal.Cell(status == FeatureStatus.Present ? json : $"{json} ({status})");

    private static Text Count(ulong number) => Terminal.Cell(Number(number));

    private static string Number(ulong number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
