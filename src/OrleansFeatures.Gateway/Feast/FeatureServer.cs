using Feast.Serving;
using Grpc.Core;
using Value = Feast.Types.Value;

namespace OrleansFeatures.Gateway.Feast;

/// <summary>What Feast's Python server serves over gRPC (<c>feast listen</c>): one row a push, as text or as typed values.</summary>
public sealed class FeatureServer(OnlineFeatures features, FramePush pushes) : GrpcFeatureServer.GrpcFeatureServerBase
{
    public override Task<GetOnlineFeaturesResponse> GetOnlineFeatures(GetOnlineFeaturesRequest request, ServerCallContext context) =>
        features.AnswerAsync(request, context.CancellationToken);

    public override async Task<PushResponse> Push(PushRequest request, ServerCallContext context)
    {
        if (request.Features.Count > 0 && request.TypedFeatures.Count > 0)
        {
            throw Refuse.Argument("typed_features", "features is filled too", "fill one of the two");
        }

        List<FrameColumn> row =
        [
            .. request.Features.Select(field => new FrameColumn(field.Key, [new Value { StringVal = field.Value }])),
            .. request.TypedFeatures.Select(field => new FrameColumn(field.Key, [field.Value])),
        ];
        await pushes.PushAsync(request.StreamFeatureView, request.To, row, context.CancellationToken).ConfigureAwait(false);
        return new PushResponse { Status = true };
    }

    public override Task<WriteToOnlineStoreResponse> WriteToOnlineStore(WriteToOnlineStoreRequest request, ServerCallContext context) => throw NoWriting();

    /// <summary>Why nobody writes the values of a feature view.</summary>
    internal static RequestRefusedException NoWriting() =>
        Refuse.Argument("feature_view_name", "the values of a feature view are computed from events and cannot be written", "push the events to the stream that the view reads: POST /push, with the stream's name as push_source_name");
}
