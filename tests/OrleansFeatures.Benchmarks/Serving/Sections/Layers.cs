using System.Diagnostics;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansFeatures.Benchmarks.Kernel;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Benchmarks.Serving.Sections;

/// <summary>A lookup's steps without the wire, one thread in this process, each by itself: the layer that is slow names itself. What a call costs beyond their sum is the transport's.</summary>
internal static class Layers
{
    private const int Lookups = 500;
    private const int RoundsMeasured = 200;
    private const int Batch = 1_000;

    public static async Task RunAsync(Stage stage, Pace pace, Report report)
    {
        Catalog catalog = DefinitionReader.Read(DefinitionFolder.Read(Stage.Definitions, out _)).Catalog!;
        await using EmbeddedHost host = await EmbeddedHost.StartAsync(
            new EmbeddedHostOptions { LogDirectory = Path.Combine(stage.Directory, "layers") }, catalog, TimeProvider.System, NullLogger.Instance, CancellationToken.None);
        await FillAsync(host, pace);
        Measure(host, catalog.Service(Cards.TwentyFeatures)!, stage.Cards.Lookups(Cards.TwentyFeatures, 1), "1 x 20", report);
        Measure(host, catalog.Service(Cards.TenFeatures)!, [.. stage.Cards.Lookups(Cards.TenFeatures, 100).Take(Lookups / 10)], "100 x 10", report);
    }

    private static void Measure(EmbeddedHost host, Selection selection, GetFeaturesRequest[] requests, string shape, Report report)
    {
        requests = [.. requests.Take(Lookups)];
        byte[][] wire = [.. requests.Select(request => request.ToByteArray())];
        FeatureRead[] reads = [.. requests.Select(request => ReadOf(selection, request))];
        GetFeaturesResponse[] answers = [.. reads.Select(_ => new GetFeaturesResponse())];
        Step("request from bytes", index => GetFeaturesRequest.Parser.ParseFrom(wire[index]));
        Step("read prepared", index => reads[index] = ReadOf(selection, requests[index]));
        Step("state read", index => host.ReadAsync(reads[index], CancellationToken.None).AsTask().IsCompleted);
        Step("answer made", index => answers[index] = FeatureAnswer.Of(reads[index], host, compact: true));
        Step("answer to bytes", index => answers[index].ToByteArray());

        void Step(string what, Func<int, object> run)
        {
            // Until code is compiled for good: what is measured before that is the compiler.
            for (long began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < Pace.WarmUp / 4;)
            {
                All();
            }

            var rounds = new Rounds();
            for (int round = 0; round < RoundsMeasured; round++)
            {
                rounds.Time(requests.Length, All);
            }

            Console.WriteLine($"{shape}, {what,-20} {rounds,28} ns   {rounds.AllocatedBytes,8:N0} bytes");
            report.Add($"{shape}, {what}", rounds.Median / 1_000, "us");

            void All()
            {
                for (int index = 0; index < requests.Length; index++)
                {
                    GC.KeepAlive(run(index));
                }
            }
        }
    }

    private static FeatureRead ReadOf(Selection selection, GetFeaturesRequest request)
    {
        var keys = new RowKeys(selection, request.Keys);
        var read = new FeatureRead(selection, keys.Rows!.Value);
        keys.Encode(read.Keys, firstRow: 0);
        RowTimes.FillAsOf(read.AsOf, request.AsOfMicros, EventTime.From(DateTimeOffset.UtcNow), firstRow: 0);
        RowTimes.FillKnownAt(read.KnownAt, request.KnownAtMicros, firstRow: 0);
        return read;
    }

    private static async Task FillAsync(EmbeddedHost host, Pace pace)
    {
        foreach (PushRequest push in new Cards(pace.Cards).PastDay(pace.PastPayments, Batch))
        {
            using IntakeBatch intake = await host.BeginBatchAsync(CancellationToken.None);
            Add(intake, push.Columns);
            await host.AppendAsync(intake, wait: true, CancellationToken.None);
        }

        await host.CheckpointAsync(CancellationToken.None);
    }

    private static void Add(IntakeBatch intake, ColumnEvents payments)
    {
        StreamPlan stream = intake.Catalog.Stream(Cards.Stream)!;
        Span<Value> fields = new Value[payments.Columns.Count];
        for (int index = 0; index < payments.Count; index++)
        {
            fields[0] = Value.Of(payments.Columns[0].Int64S[index]);
            fields[1] = Value.Of(new EventTime(payments.Columns[1].TimestampsMicros[index]));
            fields[2] = Value.Of(payments.Columns[2].Int64S[index]);
            fields[3] = Value.Of(payments.Columns[3].Doubles[index]);
            intake.Add(stream, stream.Version(0)!, fields, default, out _);
        }
    }
}
