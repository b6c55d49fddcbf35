using Grpc.Core;
using Grpc.Net.Client;
using OrleansFeatures.V1;

namespace OrleansFeatures.Acceptance.Tests.Faults;

/// <summary>
/// A client that pushes made-up card transactions, batch by batch, and keeps account of what was acknowledged: event n is the nth of its customer's turn, one millisecond after the one
/// before. What was refused is pushed again under the same ids, as a client with retries does.
/// </summary>
internal sealed class CardTraffic(GrpcChannel channel, int customers = 500)
{
    public const int BatchEvents = 500;

    private const long FirstMicros = 1_522_540_800_000_000; // 2018-04-01T00:00:00Z
    private const long SpacingMicros = 1_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly IngestService.IngestServiceClient _ingest = new(channel);
    private readonly FeatureService.FeatureServiceClient _features = new(channel);
    private readonly AdminService.AdminServiceClient _admin = new(channel);

    private ConsistencyToken? _token;

    /// <summary>Events that the store has said it has.</summary>
    public long Acknowledged { get; private set; }

    /// <summary>The same traffic, continued over another connection.</summary>
    public CardTraffic Over(GrpcChannel other) => new(other, customers) { Acknowledged = Acknowledged };

    public PushRequest Batch(long first, int count = BatchEvents)
    {
        long[] ids = [.. Enumerable.Range(0, count).Select(index => first + index)];
        var columns = new ColumnEvents { Count = (uint)count };
        columns.Columns.Add(new Column { Int64S = { ids } });
        columns.Columns.Add(new Column { TimestampsMicros = { ids.Select(TimeOf) } });
        columns.Columns.Add(new Column { Int64S = { ids.Select(id => id % customers) } });
        columns.Columns.Add(new Column { Int64S = { ids.Select(id => id % 1_000) } });
        columns.Columns.Add(new Column { Doubles = { ids.Select(_ => 1.5) } });
        columns.Columns.Add(new Column { Bools = { ids.Select(_ => false) } });
        return new PushRequest { Stream = "transactions", Columns = columns };
    }

    /// <summary>Pushes the next batch. Every event of it must be news to the store.</summary>
    public async Task PushAsync()
    {
        PushResponse answer = await _ingest.PushAsync(Batch(Acknowledged), Options());
        answer.Accepted.ShouldBe((ulong)BatchEvents);
        Acknowledged += BatchEvents;
        _token = answer.Token;
    }

    /// <summary>Pushes the next batch, of which the store may have something already.</summary>
    public async Task<PushResponse> PushAgainAsync()
    {
        PushResponse answer = await _ingest.PushAsync(Batch(Acknowledged), Options());
        Acknowledged += BatchEvents;
        _token = answer.Token;
        return answer;
    }

    public async Task PushAsync(int batches)
    {
        for (int number = 0; number < batches; number++)
        {
            await PushAsync();
        }
    }

    /// <summary>Pushes until the store refuses, and returns how it did.</summary>
    public async Task<RpcException> PushUntilRefusedAsync(int batchesMax)
    {
        for (int number = 0; number < batchesMax; number++)
        {
            try
            {
                await PushAsync();
            }
            catch (RpcException refused)
            {
                return refused;
            }
        }

        throw new InvalidOperationException($"{batchesMax * BatchEvents:N0} events were all accepted, where a refusal was due");
    }

    /// <summary>Events in history, by the store's own account.</summary>
    public async Task<long> HeldAsync() => (long)(await _admin.GetStatusAsync(new GetStatusRequest(), Options())).Streams.Single().Accepted;

    public async Task<MemoryStatus> MemoryAsync() => (await _admin.GetStatusAsync(new GetStatusRequest(), Options())).Memory;

    /// <summary>What one customer has, by a read of its features as of the newest acknowledged event (and with it); and what it must have.</summary>
    public async Task<(long Found, long Expected)> CountAsync(long customer)
    {
        var request = new GetFeaturesRequest { What = new FeatureSelection { Features = new FeatureList { Names = { "customer_spend:nb_tx_30d" } } }, AsOfMicros = { TimeOf(Acknowledged) }, MinToken = _token };
        request.Keys.Add(new KeyColumn { Field = "customer_id", Int64S = { customer } });
        GetFeaturesResponse answer = await _features.GetFeaturesAsync(request, Options());
        return (answer.Rows.Int64S.Single(), Enumerable.Range(0, (int)Acknowledged).LongCount(id => id % customers == customer));
    }

    /// <summary>Status, a read, and by them that nothing acknowledged is lost and nothing is there twice.</summary>
    public async Task ShouldHoldWhatWasAcknowledgedAsync()
    {
        (await HeldAsync()).ShouldBe(Acknowledged);
        (long found, long expected) = await CountAsync(customer: 7);
        found.ShouldBe(expected);
    }

    public static long TimeOf(long id) => FirstMicros + (id * SpacingMicros);

    private static CallOptions Options() => new(deadline: DateTime.UtcNow + Patience, cancellationToken: TestContext.Current.CancellationToken);
}
