using System.Net;
using OrleansFeatures.Gateway.Tests.Serving;
using static OrleansFeatures.Gateway.Tests.Feast.FeastCalls;

namespace OrleansFeatures.Gateway.Tests.Feast;

/// <summary>Questions that cannot be answered, as Feast's client learns of it: a class of its own to raise, and a message.</summary>
public sealed class FeastRefusalTests
{
    [Theory]
    [InlineData("""{"features": ["driver_hourly_stats1:conv_rate", "driver_hourly_stats:acc_rate"], "entities": {"driver_id": [1001, 1002]}}""", HttpStatusCode.NotFound, "FeatureViewNotFoundException", "features[0].view: Feature view driver_hourly_stats1 does not exist; did you mean 'driver_hourly_stats'?")]
    [InlineData("""{"features": ["driver_hourly_stats:conv_rat"], "entities": {"driver_id": [1001]}}""", HttpStatusCode.NotFound, "FeastObjectNotFoundException", "features: there is no feature 'driver_hourly_stats:conv_rat'; did you mean 'driver_hourly_stats:conv_rate'?")]
    [InlineData("""{"features": ["driver_hourly_stats@v7:conv_rate"], "entities": {"driver_id": [1001]}}""", HttpStatusCode.NotFound, "FeastObjectNotFoundException", "features: there is no feature 'driver_hourly_stats@7:conv_rate'")]
    [InlineData("""{"feature_service": "driver_activity_v9", "entities": {"driver_id": [1001]}}""", HttpStatusCode.NotFound, "FeatureServiceNotFoundException", "feature_service: there is no feature service 'driver_activity_v9'")]
    [InlineData("""{"features": ["driver_hourly_stats:pushes", "pushed_driver_locations:pushes"], "entities": {"driver_id": [1001]}}""", HttpStatusCode.BadRequest, "FeatureNameCollisionError", "feature_names: 2 features would be called 'pushes' in the answer; set full_feature_names, or ask for one of them only")]
    [InlineData("""{"feature_service": "with_city", "entities": {"driver_id": [1001]}}""", HttpStatusCode.BadRequest, "FeastError", "keys.city: with_city@1 needs the key field 'city'")]
    [InlineData("""{"features": ["driver_hourly_stats:pushes"], "entities": {"driver_id": [1001, 1.5]}}""", HttpStatusCode.BadRequest, "FeastError", "entities.driver_id[1]: 1.5 cannot be a key here; send a whole number")]
    [InlineData("""{"features": ["driver_hourly_stats:pushes"], "entities": {"driver_id": [null]}}""", HttpStatusCode.BadRequest, "FeastError", "entities.driver_id[0]: null cannot be a key here; send a whole number")]
    [InlineData("""{"features": ["city_rides:fares"], "entities": {"city": [true]}}""", HttpStatusCode.BadRequest, "FeastError", "entities.city[0]: true cannot be a key here; send text")]
    [InlineData("""{"features": ["driver_hourly_stats:pushes"], "entities": {"driver_id": 1001}}""", HttpStatusCode.BadRequest, "FeastError", "entities.driver_id: it is not a list; send a list")]
    [InlineData("""{"features": ["driver_hourly_stats:pushes"], "entities": [{"driver_id": 1001}]}""", HttpStatusCode.BadRequest, "FeastError", "entities: it is not an object; send an object with a list of values per name")]
    [InlineData("""{"features": [7], "entities": {"driver_id": [1001]}}""", HttpStatusCode.BadRequest, "FeastError", "features[0]: it is not text; send view:feature")]
    [InlineData("""{"features": "driver_hourly_stats:pushes", "entities": {"driver_id": [1001]}}""", HttpStatusCode.BadRequest, "FeastError", "features: it is not a list; send a list")]
    [InlineData("""{"entities": {"driver_id": [1001]}}""", HttpStatusCode.BadRequest, "FeastError", "what.features: 0 features are listed")]
    [InlineData("""{"features": ["driver_hourly_stats:pushes"], "entities": {"driver_id": [1001]}, "full_feature_names": "yes"}""", HttpStatusCode.BadRequest, "FeastError", "full_feature_names: it is neither true nor false; send true, or leave it out")]
    [InlineData("""{"features": ["conv_rate_plus_val"], "entities": {"driver_id": [1001]}}""", HttpStatusCode.BadRequest, "RequestDataNotFoundInEntityRowsException", "request_context: explicit list needs the field 'val_to_add' of the request; give val_to_add (double), here or among the entities")]
    [InlineData("""{"features": ["conv_rate_plus_val"], "entities": {"driver_id": [1, 2], "val_to_add": [1, "much"]}}""", HttpStatusCode.BadRequest, "FeastError", "entities.val_to_add[1]: 'much' is not a double; send a number")]
    [InlineData("""[]""", HttpStatusCode.BadRequest, "FeastError", "body: it is a JSON array; send one JSON object")]
    public async Task A_question_that_cannot_be_answered_names_the_class_that_Feast_raises(string body, HttpStatusCode status, string failure, string message)
    {
        await using RunningStore store = await StartAsync();
        (string Class, string Message) refused = await FailAsync(store, "/get-online-features", body, status);
        refused.Class.ShouldBe(failure);
        refused.Message.ShouldStartWith(message);
    }
}
