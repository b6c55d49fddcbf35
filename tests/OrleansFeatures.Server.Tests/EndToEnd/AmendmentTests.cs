using System.Globalization;
using System.Text.Json;
using Grpc.Net.Client;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

/// <summary>Predictions and amendments over kill -9 of the real process.</summary>
public sealed class AmendmentTests : IDisposable
{
    private const long Monday = 1_522_540_800_000_000;
    private const int Kills = 3;
    private const int LatePerLife = 40;

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task No_amendment_is_lost_or_told_twice_over_kills()
    {
        string data = _directory.File("data");
        long id = 0;
        for (int life = 0; life <= Kills; life++)
        {
            await using StoreProcess store = await StoreProcess.StartAsync(data);
            using GrpcChannel channel = GrpcChannel.ForAddress(store.Grpc);
            if (life == 0)
            {
                await AskAsync(channel, "order-1");
            }

            for (int late = 0; late < LatePerLife; late++)
            {
                await PushAsync(channel, ++id);
            }

            if (life < Kills)
            {
                // At once, so that detection is somewhere in the middle.
                await store.KillAsync();
                continue;
            }

            long told = await UntilToldAsync(store, channel, id);
            CommandRun table = await CommandRun.RunAsync(["amendments", "--server", store.Grpc, "--prefix", "order-"]);
            table.ExitCode.ShouldBe(0, table.Error);
            table.Out.ShouldContain("customer_spend:nb_tx_1d");
            told.ShouldBe(id);
        }
    }

    /// <summary>Reads all amendments from the first until they come to the number of events: each begins where the one before it ended, and numbers have no holes.</summary>
    private static async Task<long> UntilToldAsync(StoreProcess store, GrpcChannel channel, long events)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var call = new FeatureService.FeatureServiceClient(channel).SubscribeAmendments(new SubscribeAmendmentsRequest(), cancellationToken: patience.Token);
        (long believed, ulong number) = (0, 0);
        while (believed < events)
        {
            (await call.ResponseStream.MoveNext(patience.Token)).ShouldBeTrue(store.Error);
            foreach (Amendment amendment in call.ResponseStream.Current.Amendments)
            {
                amendment.Sequence.ShouldBe(++number);
                AmendedFeature count = amendment.Features.Single(feature => feature.Name == "customer_spend:nb_tx_1d");
                (count.Was.Scalar?.Int64 ?? 0).ShouldBe(believed);
                believed = count.Is.Scalar.Int64;
            }
        }

        CommandRun lines = await CommandRun.RunAsync(["amendments", "--server", store.Grpc, "--output", "json"]);
        JsonElement last = JsonDocument.Parse(lines.Out.Trim().Split('\n')[^1]).RootElement;
        last.GetProperty("sequence").GetUInt64().ShouldBe(number);
        return last.GetProperty("features").EnumerateArray().Single(feature => feature.GetProperty("name").GetString() == "customer_spend:nb_tx_1d").GetProperty("is").GetProperty("value").GetInt64();
    }

    private static async Task AskAsync(GrpcChannel channel, string id)
    {
        var request = new GetFeaturesRequest
        {
            What = new FeatureSelection { Features = new FeatureList { Names = { "customer_spend:nb_tx_1d" } } },
            Keys = { new KeyColumn { Field = "customer_id", Int64S = { 596 } } },
            AsOfMicros = { Monday + 3_600_000_000 },
            PredictionIds = { id },
        };
        await new FeatureService.FeatureServiceClient(channel).GetFeaturesAsync(request, cancellationToken: TestContext.Current.CancellationToken);
    }

    private static async Task PushAsync(GrpcChannel channel, long id)
    {
        var row = new EventRow();
        row.Values.AddRange([Int64(id), new Value { TimestampMicros = Monday + (id * 1_000_000) }, Int64(596), Int64(1), new Value { Double = 10 }, new Value { Bool = false }]);
        var push = new PushRequest { Stream = "transactions", Rows = new RowEvents { Rows = { row } } };
        push.FieldNames.AddRange(["tx_id", "tx_time", "customer_id", "terminal_id", "amount", "fraud"]);
        PushResponse pushed = await new IngestService.IngestServiceClient(channel).PushAsync(push, cancellationToken: TestContext.Current.CancellationToken);
        pushed.Accepted.ShouldBe(1ul, string.Create(CultureInfo.InvariantCulture, $"event {id}: {pushed}"));
    }

    private static Value Int64(long value) => new() { Int64 = value };
}
