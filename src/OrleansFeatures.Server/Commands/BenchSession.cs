using System.Globalization;
using OrleansFeatures.Server.Load;
using OrleansFeatures.Server.Load.Objectives;
using OrleansFeatures.Server.Load.Report;
using OrleansFeatures.Server.Load.Traffic;
using OrleansFeatures.Server.Output;

namespace OrleansFeatures.Server.Commands;

/// <summary>What the command line of <c>bench</c> says beside the scenario.</summary>
internal sealed record BenchOptions
{
    public required string Server { get; init; }

    /// <summary>Where REST is, if that is what is loaded; else gRPC is.</summary>
    public required Uri? Rest { get; init; }

    /// <summary>What is loaded.</summary>
    public string Loaded => Rest?.OriginalString ?? Server;

    public required TimeSpan WarmUp { get; init; }

    public required Spacing Spacing { get; init; }

    public required string? Service { get; init; }

    public required string? Stream { get; init; }

    public required int Entities { get; init; }

    public required int Prepare { get; init; }

    public required bool AsOfStream { get; init; }

    public required int Connections { get; init; }

    public required int UnderWayMax { get; init; }

    public required ulong Seed { get; init; }

    public required bool IsStrict { get; init; }

    public required string? Report { get; init; }
}

/// <summary>One run of <c>bench</c>: asks the store what it has, prepares, measures the generator alone, loads, judges, reports.</summary>
internal sealed class BenchSession(LoadPlan plan, Scenario scenario, BenchOptions options)
{
    private const double FewKnown = 0.5;

    public async Task<ExitCode> RunAsync(Terminal terminal, CancellationToken cancellationToken)
    {
        using var connection = new ServerConnection(options.Server);
        TrafficSchema traffic = await TrafficSchema.ResolveAsync(connection, options.Service, options.Stream, cancellationToken).ConfigureAwait(false);
        var timeout = TimeSpan.FromSeconds(Limits.LoadTimeoutSeconds);
        using IStoreCalls store = options.Rest is { } rest ? new RestCalls(rest, traffic, options.UnderWayMax, timeout) : new GrpcCalls(options.Server, options.Connections, timeout);
        var load = new StoreTraffic(store, traffic, options.Entities, options.AsOfStream, options.Seed);
        await PrepareAsync(terminal, connection, load, cancellationToken).ConfigureAwait(false);
        await load.ProbeAsync(options.Loaded, cancellationToken).ConfigureAwait(false);
        LoadReport report = await MeasureAsync(terminal, store, load, cancellationToken).ConfigureAwait(false);
        if (terminal.Json)
        {
            terminal.Write(LoadJson.Document(report));
        }
        else
        {
            LoadTable.Write(terminal, report);
        }

        if (options.Report is { } file)
        {
            await File.WriteAllTextAsync(file, LoadPage.Html(report), CancellationToken.None).ConfigureAwait(false);
            Terminal.Remark($"report: {file}");
        }

        return Judge(report);
    }

    private async Task PrepareAsync(Terminal terminal, ServerConnection connection, StoreTraffic load, CancellationToken cancellationToken)
    {
        if (options.Prepare > 0)
        {
            Task preparing = load.PrepareAsync(connection, options.Prepare, cancellationToken);
            await ProgressDisplay.FollowAsync(
                terminal, preparing, () => new ProgressSample($"preparing: {LoadText.Count(load.Prepared)} events written", load.Prepared / (double)options.Prepare)).ConfigureAwait(false);
        }

        double known = await load.KnownShareAsync(connection, cancellationToken).ConfigureAwait(false);
        if (known < FewKnown)
        {
            Terminal.Remark(string.Create(CultureInfo.InvariantCulture, $"note: the store knows {known:P0} of the entities that will be asked for, and an unknown one is cheap; --prepare {40 * (long)options.Entities} writes some history, --entities says how many there are"));
        }
    }

    private async Task<LoadReport> MeasureAsync(Terminal terminal, IStoreCalls store, StoreTraffic load, CancellationToken cancellationToken)
    {
        double peak = scenario.Rate * scenario.Spike;
        LoadIdle idle = await LoadIdle.MeasureAsync(scenario.Rate, options.Spacing, options.Seed, cancellationToken).ConfigureAwait(false);
        using var loop = new OpenLoop(new MonotonicClock(peak), load.Lanes(scenario, options.Spacing), new OpenLoopOptions { WarmUp = options.WarmUp, UnderWayMax = options.UnderWayMax });
        DateTime started = DateTime.UtcNow;
        string title = string.Create(CultureInfo.InvariantCulture, $"bench {scenario.Name}, {LoadText.Rate(scenario.Rate)} requests a second, {options.Loaded}");
        await new LoadScreen(loop, title).FollowAsync(terminal, loop.RunAsync(cancellationToken)).ConfigureAwait(false);
        LaneReport[] lanes = [.. loop.Records.Select(lane => new LaneReport(lane.Name, lane.Record, loop.Measured))];
        var run = new LoadRun(started, options.WarmUp, options.Spacing, options.Seed, store.Transport, store.Connections, options.UnderWayMax);
        return new LoadReport(
            options.Loaded, scenario, run, loop.Measured, lanes, GeneratorReport.Of(idle, loop), LoadReport.Judge(plan.Objectives, lanes), LoadReport.Judge(plan.Bars, lanes));
    }

    /// <summary>A broken objective is named on standard error, one line each, and ends the command as refused.</summary>
    private ExitCode Judge(LoadReport report)
    {
        Verdict[] broken = [.. report.Objectives.Concat(options.IsStrict ? report.Bars : []).Where(verdict => !verdict.IsMet)];
        foreach (Verdict verdict in broken)
        {
            Terminal.Remark($"orleans-features: {verdict.Objective.Name} is broken: {verdict.Objective.Text}, found {verdict.FoundText}");
        }

        return broken.Length > 0 ? ExitCode.Refused : ExitCode.Ok;
    }
}
