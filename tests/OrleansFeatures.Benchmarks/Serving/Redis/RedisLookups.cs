using Google.Protobuf;
using Grpc.Core;
using OrleansFeatures.V1;

namespace OrleansFeatures.Benchmarks.Serving.Redis;

/// <summary>Lookups of the twenty features: count, sum, mean, least and greatest of four windows.</summary>
internal sealed class RedisLookups(RedisStore store) : FeatureService.FeatureServiceBase
{
    private const int FeaturesPerWindow = 5;

    public override async Task<GetFeaturesResponse> GetFeatures(GetFeaturesRequest request, ServerCallContext context)
    {
        ReadOnlyMemory<byte> answer = await store.ReadAsync(request.Keys[0].Int64S, Cards.NowMicros());
        return new GetFeaturesResponse { Rows = Rows(answer, request.Keys[0].Int64S.Count) };
    }

    private static FeatureRows Rows(ReadOnlyMemory<byte> answer, int count)
    {
        ReadOnlySpan<double> values = RedisStore.Doubles(answer);
        int windows = values.Length / 4;
        var rows = new FeatureRows { RowCount = (uint)count };
        rows.Int64S.Capacity = windows;
        rows.Doubles.Capacity = windows * 4;
        byte[] statuses = new byte[windows * FeaturesPerWindow];
        statuses.AsSpan().Fill((byte)FeatureStatus.Present);
        for (int window = 0; window < windows; window++)
        {
            ReadOnlySpan<double> own = values.Slice(window * 4, 4);
            rows.Int64S.Add((long)own[0]);
            rows.Doubles.Add(own[1]);
            rows.Doubles.Add(own[0] == 0 ? 0 : own[1] / own[0]);
            rows.Doubles.Add(own[2]);
            rows.Doubles.Add(own[3]);
            if (own[0] == 0)
            {
                statuses.AsSpan((window * FeaturesPerWindow) + 1, FeaturesPerWindow - 1).Fill((byte)FeatureStatus.NullValue);
            }
        }

        rows.Statuses = UnsafeByteOperations.UnsafeWrap(statuses);
        return rows;
    }
}

/// <summary>Pushes of payments as columns in the order of the schema. They are answered when they are in Redis's memory.</summary>
internal sealed class RedisPushes(RedisStore store) : IngestService.IngestServiceBase
{
    public override async Task<PushResponse> Push(PushRequest request, ServerCallContext context)
    {
        IList<Column> columns = request.Columns.Columns;
        await store.ApplyAsync(columns[Cards.CardColumn].Int64S, columns[1].TimestampsMicros, columns[3].Doubles);
        return new PushResponse { Accepted = request.Columns.Count };
    }
}
