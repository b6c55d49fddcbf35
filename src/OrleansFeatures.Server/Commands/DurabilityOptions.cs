using System.CommandLine;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Server.Hosting;
using OrleansFeatures.Server.Output;

namespace OrleansFeatures.Server.Commands;

/// <summary>What <c>serve</c> is told of checkpoints, history and damaged files.</summary>
internal static class DurabilityOptions
{
    private static readonly Option<string?> Interval = Text(
        "--checkpoint-interval", "DURATION", $"Time between checkpoints while events come, as 30s or 5m: a restart replays that much of the log at most. {Of(Entities.Limits.CheckpointIntervalDefault)} without it.");

    private static readonly Option<string?> LogBytes = Text(
        "--checkpoint-log", "BYTES", $"Log after which a checkpoint is taken before its time. {ByteSize.Text(Entities.Limits.CheckpointLogBytesDefault)} without it.");

    private static readonly Option<string?> Idle = Text(
        "--entity-idle", "DURATION", $"Entities that nobody wants for so long leave memory until somebody does. {Of(Entities.Limits.EntityIdleAfterDefault)} without it.");

    private static readonly Option<string?> History = Text(
        "--history", "DURATION", "How long raw events are kept, by when they came: older segments of the log are deleted once a checkpoint is behind them, and what would need them answers OUTSIDE_RETENTION. For ever without it.");

    private static readonly Option<string?> Dedupe = Text(
        "--dedupe-horizon", "DURATION", $"How far behind stream time ids of events are remembered at least, to tell duplicates. {Of(Entities.Limits.DedupeHorizonDefault)} without it.");

    private static readonly Option<string?> Predictions = Text(
        "--prediction-history", "DURATION", $"How long answers that were given under a prediction id are watched for amendments. {Of(Gateway.Limits.PredictionHistoryDefault)} without it.");

    private static readonly Option<string> Recover = Recovery();

    public static IEnumerable<Option> All => [Interval, LogBytes, Idle, History, Dedupe, Predictions, Recover];

    /// <exception cref="CommandFailure">One of them cannot be.</exception>
    public static ServeOptions Apply(ParseResult parsed, ServeOptions options) => options with
    {
        CheckpointInterval = TimeOf(parsed, Interval, Limits.CheckpointIntervalMin) ?? options.CheckpointInterval,
        CheckpointLogBytes = BytesOf(parsed, LogBytes, Limits.CheckpointLogBytesMin) ?? options.CheckpointLogBytes,
        EntityIdleAfter = TimeOf(parsed, Idle, Limits.EntityIdleMin) ?? options.EntityIdleAfter,
        RawHistory = TimeOf(parsed, History, Limits.HistoryMin),
        DedupeHorizon = TimeOf(parsed, Dedupe, Limits.DedupeHorizonMin) ?? options.DedupeHorizon,
        PredictionHistory = TimeOf(parsed, Predictions, Limits.HistoryMin) ?? options.PredictionHistory,
        SkipDamage = parsed.GetValue(Recover) == "skip",
    };

    private static TimeSpan? TimeOf(ParseResult parsed, Option<string?> option, TimeSpan least) => parsed.GetValue(option) is not { } text
        ? null
        : Duration.TryParse(text, out Duration duration) && duration.Micros >= (long)least.TotalMicroseconds
            ? TimeSpan.FromMicroseconds(duration.Micros)
            : throw CommandFailure.Usage($"{option.Name} {text}: expected a duration of at least {Of(least)}, as 30s, 5m, 12h or 90d");

    private static long? BytesOf(ParseResult parsed, Option<string?> option, long least) => parsed.GetValue(option) is not { } text
        ? null
        : ByteSize.TryParse(text, out long bytes) && bytes >= least
            ? bytes
            : throw CommandFailure.Usage($"{option.Name} {text}: expected an amount of at least {ByteSize.Text((ulong)least)}, as 256MB, 1GB, or bytes");

    private static string Of(TimeSpan time) => new Duration((long)time.TotalMicroseconds).ToString();

    private static Option<string?> Text(string name, string value, string description) => new(name) { Description = description, HelpName = value };

    private static Option<string> Recovery()
    {
        var option = new Option<string>("--recover")
        {
            Description = "What to do about damaged files: refuse to start and name them, or skip: start without the events that are damaged, say which these are, and rebuild damaged state from the log.",
            DefaultValueFactory = _ => "refuse",
        };
        option.AcceptOnlyFromAmong("refuse", "skip");
        return option;
    }
}
