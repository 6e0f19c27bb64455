/* verb_account.c - what clients ask about the service itself before they begin. */
#include "tools/regiond/verb_common.h"
#include "tools/regiond/verbs.h"

bool verb_get_service_properties(struct exchange *x)
{
    struct text_out xml = {0};

    text_out_text(&xml, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<StorageServiceProperties>"
                        "<Logging><Version>1.0</Version><Read>false</Read><Write>false</Write>"
                        "<Delete>false</Delete><RetentionPolicy><Enabled>false</Enabled>"
                        "</RetentionPolicy></Logging><Cors />"
                        "<DeleteRetentionPolicy><Enabled>false</Enabled></DeleteRetentionPolicy>"
                        "</StorageServiceProperties>");
    verb_answer(x, 200);
    answer_take_text(&x->answer, "application/xml", &xml);
    return true;
}

bool verb_get_account_information(struct exchange *x)
{
    verb_answer(x, 200);
    answer_header(&x->answer, "x-ms-sku-name", "Standard_LRS");
    answer_header(&x->answer, "x-ms-account-kind", "StorageV2");
    answer_header(&x->answer, "x-ms-is-hns-enabled", "false");
    return true;
}
