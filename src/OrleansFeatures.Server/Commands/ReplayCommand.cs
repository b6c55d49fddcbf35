using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>replay</c>: builds all state of a running store anew from its log.</summary>
internal static class ReplayCommand
{
    private static readonly Option<string> Server = CommandOptions.Server();

    private static readonly Option<string> From = CommandOptions.Required(
        "--from", "start|TIME|SEQUENCE", "Where in the log to begin: its start, the instant at which events came, or a record's sequence (log inspect lists them). What needs history from before answers OUTSIDE_RETENTION afterwards.");

    public static Command Create() => CommandOptions.Command(
        "replay",
        "Build all state anew from the log, beside the old, which goes on answering; the new takes over in one step.",
        ["replay --from start", "replay --from 2026-01-01T00:00:00Z", "replay --from 1200000 --output json"],
        [Server, From],
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        ReplayRequest request = RequestOf(parsed.GetValue(From)!);
        using var connection = new ServerConnection(parsed.GetValue(Server)!);
        using var call = connection.Admin.Replay(request, cancellationToken: cancellationToken);
        var follower = new StreamFollower<ReplayResponse>(connection, call.ResponseStream);
        await ProgressDisplay.FollowAsync(terminal, follower.RunAsync(cancellationToken), () => SampleOf(follower.Newest)).ConfigureAwait(false);
        ReplayResponse done = follower.Newest is { Complete: true } last
            ? last
            : throw CommandFailure.Unreachable($"{connection.Server}: the answer ended before the last message; status tells which state answers");
        if (terminal.Json)
        {
            terminal.Write(new JsonObject { ["first_sequence"] = done.FirstSequence, ["records_replayed"] = done.RecordsReplayed });
        }
        else
        {
            terminal.Write(string.Create(CultureInfo.InvariantCulture, $"{done.RecordsReplayed:N0} records replayed from sequence {done.FirstSequence:N0}; the new state answers"));
        }

        return ExitCode.Ok;
    }

    private static ReplayRequest RequestOf(string from) =>
        from == "start" ? new ReplayRequest()
        : ulong.TryParse(from, NumberStyles.None, CultureInfo.InvariantCulture, out ulong sequence) ? new ReplayRequest { Sequence = sequence }
        : EventTime.TryParse(from, out EventTime time) ? new ReplayRequest { WrittenMicros = time.Micros }
        : from == "snapshot" ? throw CommandFailure.Usage("--from snapshot: that is what a restart does; restart the store, or replay from start")
        : throw CommandFailure.Usage($"--from {from}: expected start, an RFC 3339 time with a zone (2026-01-01T00:00:00Z), or a sequence");

    private static ProgressSample SampleOf(ReplayResponse? newest) => newest is { LogRecordsTotal: > 0 }
        ? new ProgressSample(string.Create(CultureInfo.InvariantCulture, $"{newest.LogRecordsRead:N0} of {newest.LogRecordsTotal:N0} records"), newest.LogRecordsRead / (double)newest.LogRecordsTotal)
        : new ProgressSample("waiting for the store", null);
}
